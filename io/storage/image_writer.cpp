#include "io/storage/image_writer.h"

#include <utility>

#include "core/base/assert.h"

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
    wakeup_.wait(lock, [this] { return submitted_.has_value() || stopping_; });
    if (stopping_) return;
    Checkpoint piece = std::move(*submitted_);
    submitted_.reset();
    lock.unlock();
    take(std::move(piece));
  }
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
  if (error) full_ = true;
  if (ends) {
    if (full_ && !insist(std::move(error))) return;
    full_ = false;
    pieces_.clear();
  }
  finish({});
}

std::optional<ImageError> ImageWriter::write(const Checkpoint& piece) {
  if (!image_->in_transaction()) {
    if (std::optional<ImageError> error = image_->begin()) return error;
  }
  if (std::optional<ImageError> error = image_->write(piece.rows)) return error;
  return piece.end ? image_->commit(incarnation_, *piece.end) : std::nullopt;
}

// After a failure the environment is opened anew: LMDB refuses to go on with one whose last write failed.
std::optional<ImageError> ImageWriter::write_all() {
  image_.reset();
  std::variant<Image, ImageError> opened = Image::open(path_, map_bytes_);
  if (auto* error = std::get_if<ImageError>(&opened)) return std::move(*error);
  image_.emplace(std::move(std::get<Image>(opened)));
  for (const Checkpoint& piece : pieces_) {
    if (std::optional<ImageError> error = write(piece)) return error;
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
      lock.unlock();
      notify_();
      lock.lock();
      if (wakeup_.wait_for(lock, retry_, [this] { return stopping_; })) return false;
    }
    failed = write_all();
    if (!failed) return true;
  }
}

void ImageWriter::finish(Done&& done) {
  {
    const std::lock_guard lock(mutex_);
    done_ = std::move(done);
  }
  notify_();
}

}  // namespace patronus
