#include "io/storage/artefact_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/base/limits.h"
#include "core/state/artefact_format.h"
#include "core/state/state_copy.h"
#include "core/state/store.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

// Between syncs: what gathers in the kernel would hold up the log's own syncs when it is written at last.
constexpr size_t kReadBytes = limits::kMiB;
constexpr size_t kRowsBetweenProgress = 10'000;

// Appends to a file, with syncs on the way.
class Output {
 public:
  explicit Output(File&& file) : file_(std::move(file)) {}

  // Writes out what has gathered in `bytes` if it is enough, or if it must.
  std::optional<std::string> take(std::string& bytes, bool all) {
    if (bytes.size() < kReadBytes && !all) return std::nullopt;
    if (auto error = file_.write_at(at_, bytes)) return error;
    at_ += bytes.size();
    unsynced_ += bytes.size();
    bytes.clear();
    if (unsynced_ < limits::kWrittenBetweenSyncs) return std::nullopt;
    unsynced_ = 0;
    return file_.sync_data();
  }

 private:
  File file_;
  uint64_t at_ = 0;
  size_t unsynced_ = 0;
};

// Feeds the whole file to the decoder; `fault` is what is wrong with the content.
std::optional<std::string> read_artefact(File& file, artefact::Decoder& decoder,
                                         std::optional<std::string>& fault) {
  std::string piece(kReadBytes, '\0');
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(file.fd(), piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_text("read", file.path());
    if (n == 0) break;
    at += n;
    fault = decoder.feed(std::string_view(piece).substr(0, static_cast<size_t>(n)));
    if (fault) return std::nullopt;
  }
  fault = decoder.finish();
  return std::nullopt;
}

// The new image on its way: rows are written and, beside that, built to the state that they must be.
class Installation {
 public:
  Installation(Image image, const LoadProgress& progress) : image_(std::move(image)), progress_(progress) {}

  // A reason against the rows ends the reading; an error of the disk does as well, and is kept.
  std::optional<std::string> row(const CheckpointEnd& end, std::string_view key, std::string_view value) {
    if (!loader_) {
      loader_.emplace(end.base);
      if ((error_ = image_.begin())) return error_->text;
    }
    if (loader_->rows() % kRowsBetweenProgress == 0) progress_(loader_->rows(), 0);
    if (auto reason = loader_->add(key, value)) return reason;
    rows_.push_back({std::string(key), RowValue{std::string(value), {}}});
    return rows_.size() < limits::kCheckpointPieceRows ? std::nullopt : flush();
  }
  // All rows were read: checks the state, makes the image durable.
  std::optional<std::string> finish(Incarnation incarnation, const CheckpointEnd& end) {
    if (!loader_) return "it has no rows";
    if (auto reason = flush()) return reason;
    std::variant<Store, std::string> built = std::move(*loader_).finish(end.state_hash);
    if (auto* reason = std::get_if<std::string>(&built)) return std::move(*reason);
    error_ = image_.commit(incarnation, end, true);
    return error_ ? std::optional(error_->text) : std::nullopt;
  }
  const std::optional<ImageError>& error() const { return error_; }

 private:
  std::optional<std::string> flush() {
    error_ = image_.write(rows_);
    rows_.clear();
    return error_ ? std::optional(error_->text) : std::nullopt;
  }

  Image image_;
  const LoadProgress& progress_;
  std::optional<StoreLoader> loader_;
  std::vector<Row> rows_;
  std::optional<ImageError> error_;
};

struct Unusable {
  std::string reason;
  bool is_old = false;  // no fault of its own
};
// Nothing on success; an unusable artefact, or a text about the disk.
using Installed = std::variant<std::monostate, Unusable, std::string>;

// A disk without room is no reason to stand still: the node goes on from what it has.
Installed of_the_disk(const ImageError& error) {
  if (error.fault == ImageFault::kFull) return Unusable{error.text};
  return error.text;
}

std::optional<std::string> misfit(const CheckpointEnd& end, const ClusterId& cluster, Index image) {
  if (end.base.configuration->cluster_id != cluster) return "it is of another cluster";
  if (end.base.index <= image) return "the image holds as much already";
  return std::nullopt;
}

Installed install(File& file, const std::string& path, Incarnation incarnation, const ClusterId& cluster,
                  Index image_index, size_t map_bytes, const LoadProgress& progress) {
  std::variant<Image, ImageError> opened = Image::open(path, map_bytes);
  if (auto* error = std::get_if<ImageError>(&opened)) return of_the_disk(*error);
  Installation installation(std::move(std::get<Image>(opened)), progress);
  std::optional<std::string> fault;
  artefact::Decoder* decoding = nullptr;
  artefact::Decoder decoder([&](std::string_view key, std::string_view value) {
    const CheckpointEnd& end = *decoding->end();
    if (auto reason = misfit(end, cluster, image_index)) return reason;
    return installation.row(end, key, value);
  });
  decoding = &decoder;
  if (auto error = read_artefact(file, decoder, fault)) return std::move(*error);
  if (!fault) fault = installation.finish(incarnation, *decoder.end());
  if (installation.error()) return of_the_disk(*installation.error());
  if (fault) {
    const bool is_old = decoder.end() && decoder.end()->base.index <= image_index;
    return Unusable{std::move(*fault), is_old};
  }
  return std::monostate{};
}

// What the image holds; 0 without one, or if it can't be read: then load_state() would say so, and what has
// arrived mends it.
Index index_of_image(const std::string& path, size_t map_bytes) {
  if (::access(path.c_str(), F_OK) != 0 || check_readable(path, map_bytes)) return Index{};
  std::variant<Image, ImageError> opened = Image::open(path, map_bytes);
  auto* image = std::get_if<Image>(&opened);
  if (image == nullptr) return Index{};
  std::variant<std::optional<ImageAbout>, ImageError> about = image->about();
  const auto* read = std::get_if<std::optional<ImageAbout>>(&about);
  return read != nullptr && *read ? (*read)->end.base.index : Index{};
}

}  // namespace

ArtefactPaths artefact_paths(const std::string& directory) {
  return {directory + "/artefact.made", directory + "/artefact.incoming", directory + "/artefact.arrived"};
}

std::variant<Artefact, ImageError> write_artefact(Image& image, const std::string& path,
                                                  const std::function<bool()>& stop) {
  const auto failure = [](std::string why, ImageFault fault = ImageFault::kFailed) {
    return ImageError{fault, "can't give the state away: " + std::move(why)};
  };
  std::variant<std::optional<ImageAbout>, ImageError> read = image.about();
  if (auto* error = std::get_if<ImageError>(&read)) return std::move(*error);
  const auto& about = std::get<std::optional<ImageAbout>>(read);
  if (!about) return failure("nothing of it is in the image yet");
  const std::string unfinished = path + ".new";
  std::variant<File, std::string> opened = File::open(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
  if (auto* error = std::get_if<std::string>(&opened)) return failure(std::move(*error));
  Output output(std::move(std::get<File>(opened)));
  std::string bytes;
  std::optional<std::string> failed;  // not for the image's fault
  StateCopy copy(about->end, bytes);
  const auto add = [&](std::string_view key, std::string_view value) -> std::optional<std::string> {
    if (std::optional<std::string> wrong = copy.add(key, value, bytes)) return wrong;
    failed = output.take(bytes, false);
    if (!failed && bytes.empty() && stop()) failed = "the node stops";
    return failed;
  };
  std::optional<ImageError> error = image.read(add);
  if (!error) {
    if (const auto wrong = copy.finish(bytes)) error = image.damaged(*wrong);
  }
  if (!error) failed = output.take(bytes, true);
  if (!failed && !error) failed = rename_file(unfinished, path);
  if (!failed && !error) return copy.artefact();
  (void)remove_file(unfinished);
  return failed ? failure(std::move(*failed)) : failure(std::move(error->text), error->fault);
}

Arrival install_arrived(const std::string& directory, Incarnation incarnation, const ClusterId& cluster,
                        bool must, size_t map_bytes, const LoadProgress& progress,
                        const std::function<void(const std::string&)>& complain) {
  const ArtefactPaths paths = artefact_paths(directory);
  const std::string fresh = directory + "/image.new";
  for (const std::string& leftover :
       {paths.made, paths.made + ".new", paths.incoming, fresh, fresh + "-lock"}) {
    if (auto error = remove_file(leftover)) return {*error, false};
  }
  if (::access(paths.arrived.c_str(), F_OK) != 0) return {};
  std::variant<File, std::string> opened = File::open(paths.arrived, O_RDONLY);
  if (auto* error = std::get_if<std::string>(&opened)) return {std::move(*error), false};
  const std::string image = image_path(directory);
  const Installed installed = install(std::get<File>(opened), fresh, incarnation, cluster,
                                      index_of_image(image, map_bytes), map_bytes, progress);
  if (const auto* error = std::get_if<std::string>(&installed)) return {*error, false};
  const auto* unusable = std::get_if<Unusable>(&installed);
  std::optional<std::string> error;
  if (unusable != nullptr && must) {
    (void)remove_file(fresh);
    (void)remove_file(fresh + "-lock");
    return {"the snapshot can't be restored: " + unusable->reason, false};
  }
  if (unusable != nullptr) {
    complain("the state that was fetched is not used: " + unusable->reason);
    error = remove_file(fresh);
  } else {
    error = rename_file(fresh, image);
  }
  if (!error) error = remove_file(fresh + "-lock");
  if (!error) error = sync_directory(directory);
  if (!error) error = remove_file(paths.arrived);
  return {error.value_or(""), unusable != nullptr && !unusable->is_old};
}

}  // namespace patronus
