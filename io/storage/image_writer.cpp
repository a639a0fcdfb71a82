#include "io/storage/image_writer.h"

#include <utility>

#include "core/base/assert.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"
#include "io/storage/snapshot_files.h"

namespace patronus {

ImageWriter::ImageWriter(std::string path, size_t map_bytes, Image&& image, Incarnation incarnation,
                         Duration retry, std::function<void()> notify)
    : path_(std::move(path)),
      map_bytes_(map_bytes),
      incarnation_(incarnation),
      retry_(retry),
      notify_(std::move(notify)),
      image_(std::move(image)),
      thread_([this] { run(); }) {}

ImageWriter::~ImageWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void ImageWriter::submit(Checkpoint&& piece) {
  {
    const std::lock_guard lock(mutex_);
    PATRONUS_ASSERT(!submitted_ && !done_, "one piece at a time");
    submitted_ = std::move(piece);
  }
  wakeup_.notify_one();
}

std::optional<ImageWriter::Done> ImageWriter::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

std::optional<std::string> ImageWriter::take_complaint() {
  const std::lock_guard lock(mutex_);
  return std::exchange(complaint_, std::nullopt);
}

void ImageWriter::run() {
  while (!failed_) {
    std::unique_lock lock(mutex_);
    wakeup_.wait(lock, [this] { return submitted_ || wanted_artefact_ || wanted_snapshot_ || stopping_; });
    if (stopping_) break;
    std::optional<Checkpoint> piece = std::exchange(submitted_, std::nullopt);
    const std::optional<std::string> path =
        piece ? std::nullopt : std::exchange(wanted_artefact_, std::nullopt);
    const auto snapshot = piece || path ? std::nullopt : std::exchange(wanted_snapshot_, std::nullopt);
    lock.unlock();
    if (piece) take(std::move(*piece));
    if (path) make(*path);
    if (snapshot) save(snapshot->first, snapshot->second);
  }
  // LMDB wants a transaction to be ended by the thread that began it.
  if (image_) image_->abandon();
  if (fresh_) fresh_->abandon();
}

void ImageWriter::take(Checkpoint&& piece) {
  const bool ends = piece.end.has_value();
  pieces_.push_back(std::move(piece));
  std::optional<ImageError> error = full_ ? std::nullopt : write(pieces_.back());
  if (error && error->fault != ImageFault::kFull) {
    failed_ = true;
    finish({error->text});
    return;
  }
  if (error) {
    full_ = true;
    if (fresh_) drop_fresh();
  }
  if (ends) {
    if (full_ && !insist(std::move(error))) return;
    full_ = false;
    pieces_.clear();
  }
  finish({});
}

std::optional<ImageError> ImageWriter::write(const Checkpoint& piece) {
  if (piece.anew) {
    if (std::optional<ImageError> error = begin_fresh()) return error;
  }
  Image& image = fresh_ ? *fresh_ : *image_;
  if (!image.in_transaction()) {
    if (std::optional<ImageError> error = image.begin()) return error;
  }
  if (std::optional<ImageError> error = image.write(piece.rows)) return error;
  if (!piece.end) return std::nullopt;
  if (std::optional<ImageError> error = image.commit(incarnation_, *piece.end)) return error;
  return fresh_ ? take_over() : std::nullopt;
}

// An image that is damaged can't be emptied: that would follow its pages, wherever they lead. So what comes
// instead goes to a file of its own, and the room that it takes is given back if it is not enough. A node
// that starts removes what is left of it (artefact_files.h).
std::string ImageWriter::fresh_path() const { return path_.substr(0, path_.rfind('/') + 1) + "image.new"; }

void ImageWriter::drop_fresh() {
  fresh_.reset();
  (void)remove_file(fresh_path());
  (void)remove_file(fresh_path() + "-lock");
}

std::optional<ImageError> ImageWriter::begin_fresh() {
  drop_fresh();
  std::variant<Image, ImageError> opened = Image::open(fresh_path(), map_bytes_);
  if (auto* error = std::get_if<ImageError>(&opened)) return std::move(*error);
  fresh_.emplace(std::move(std::get<Image>(opened)));
  return std::nullopt;
}

// Its rows are durable under its own name; now it gets that of the damaged one. What LMDB knows of readers
// and transactions of that goes with it.
std::optional<ImageError> ImageWriter::take_over() {
  fresh_.reset();
  image_.reset();
  std::optional<std::string> failed = rename_file(fresh_path(), path_);
  if (!failed) failed = remove_file(path_ + "-lock");
  if (!failed) failed = remove_file(fresh_path() + "-lock");
  if (!failed) failed = sync_directory(path_.substr(0, path_.rfind('/') + 1));
  if (failed) return ImageError{ImageFault::kFailed, std::move(*failed)};
  std::variant<Image, ImageError> opened = Image::open(path_, map_bytes_);
  if (auto* error = std::get_if<ImageError>(&opened)) return std::move(*error);
  image_.emplace(std::move(std::get<Image>(opened)));
  return std::nullopt;
}

// After a failure the environment is opened anew: LMDB refuses to go on with one whose last write failed.
std::optional<ImageError> ImageWriter::write_all() {
  if (!pieces_.front().anew) {
    image_.reset();
    std::variant<Image, ImageError> opened = Image::open(path_, map_bytes_);
    if (auto* error = std::get_if<ImageError>(&opened)) return std::move(*error);
    image_.emplace(std::move(std::get<Image>(opened)));
  }
  for (const Checkpoint& piece : pieces_) {
    std::optional<ImageError> error = write(piece);
    if (!error) continue;
    if (fresh_) drop_fresh();
    return error;
  }
  return std::nullopt;
}

bool ImageWriter::insist(std::optional<ImageError> failed) {
  // A failure of an earlier piece has been waited out for as long as the others took to come.
  while (true) {
    if (failed) {
      if (failed->fault != ImageFault::kFull) {
        failed_ = true;
        finish({failed->text});
        return false;
      }
      std::unique_lock lock(mutex_);
      complaint_ = failed->text + "; the checkpoint is tried again, until then the log grows";
      // Whoever wants a copy of the state shall not wait for that.
      if (const auto snapshot = std::exchange(wanted_snapshot_, std::nullopt)) {
        saved_.emplace();
        saved_->ticket = snapshot->second;
        saved_->failure = failed->text;
      }
      if (std::exchange(wanted_artefact_, std::nullopt)) made_ = ArtefactMade{std::nullopt, failed->text};
      lock.unlock();
      notify_();
      lock.lock();
      if (wakeup_.wait_for(lock, retry_, [this] { return stopping_; })) return false;
    }
    failed = write_all();
    if (!failed) return true;
  }
}

void ImageWriter::make_artefact(std::string path) {
  {
    const std::lock_guard lock(mutex_);
    PATRONUS_ASSERT(!wanted_artefact_ && !made_, "one artefact at a time");
    wanted_artefact_ = std::move(path);
  }
  wakeup_.notify_one();
}

std::optional<ArtefactMade> ImageWriter::take_artefact() {
  const std::lock_guard lock(mutex_);
  return std::exchange(made_, std::nullopt);
}

void ImageWriter::note_damage(const ImageError& error) {
  if (error.fault != ImageFault::kDamaged) return;
  const std::lock_guard lock(mutex_);
  damage_ = error.text;
}

std::optional<std::string> ImageWriter::take_damage() {
  const std::lock_guard lock(mutex_);
  return std::exchange(damage_, std::nullopt);
}

// What it can't read or write is no reason to stop: the image itself is as it was.
void ImageWriter::make(const std::string& path) {
  std::variant<Artefact, ImageError> made = write_artefact(*image_, path, [this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  });
  ArtefactMade result;
  if (auto* error = std::get_if<ImageError>(&made)) {
    note_damage(*error);
    result.failure = std::move(error->text);
  } else {
    result.artefact = std::get<Artefact>(made);
  }
  {
    const std::lock_guard lock(mutex_);
    made_ = std::move(result);
  }
  notify_();
}

void ImageWriter::make_snapshot(std::string directory, uint64_t ticket) {
  {
    const std::lock_guard lock(mutex_);
    PATRONUS_ASSERT(!wanted_snapshot_ && !saved_, "one snapshot at a time");
    wanted_snapshot_ = {std::move(directory), ticket};
  }
  wakeup_.notify_one();
}

std::optional<SnapshotAnswer> ImageWriter::take_snapshot() {
  const std::lock_guard lock(mutex_);
  return std::exchange(saved_, std::nullopt);
}

void ImageWriter::save(const std::string& directory, uint64_t ticket) {
  std::variant<SnapshotInfo, ImageError> saved = save_snapshot(*image_, directory, [this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  });
  SnapshotAnswer answer;
  answer.ticket = ticket;
  if (auto* error = std::get_if<ImageError>(&saved)) {
    note_damage(*error);
    answer.failure = std::move(error->text);
  } else {
    answer.found = {std::get<SnapshotInfo>(saved)};
  }
  {
    const std::lock_guard lock(mutex_);
    saved_ = std::move(answer);
  }
  notify_();
}

void ImageWriter::finish(Done&& done) {
  {
    const std::lock_guard lock(mutex_);
    done_ = std::move(done);
  }
  notify_();
}

}  // namespace patronus
