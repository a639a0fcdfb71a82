#include "io/storage/snapshot_intake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "core/base/limits.h"
#include "io/storage/snapshot_files.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIncomingSuffix = ".incoming";
// What gathers in the kernel would hold up the log's own syncs.

bool is_recent(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return false;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto since = now - std::chrono::seconds(file.st_mtim.tv_sec);
  return since < limits::kSnapshotUploadPatience;
}

}  // namespace

void SnapshotIntake::take(const std::string& directory, const SnapshotQuery& query, SnapshotAnswer& out) {
  if (std::optional<SnapshotInfo> there = find_snapshot(directory, query.id)) {
    out.found = {std::move(*there)};
    out.at_end = true;
    return;
  }
  if (id_ != query.id && !open(directory, query, out)) return;
  out.wanted = bytes_;
  if (query.offset != bytes_) {
    out.is_out_of_step = true;
    return;
  }
  if (bytes_ + query.bytes.size() > limits::kSnapshotUploadBytesMax) {
    out.damage = "it is larger than any state can be";
    return throw_away();
  }
  std::optional<std::string> failed = file_.write_at(bytes_, query.bytes);
  unsynced_ += query.bytes.size();
  if (!failed && unsynced_ >= limits::kWrittenBetweenSyncs) {
    failed = file_.sync_data();
    unsynced_ = 0;
  }
  if (failed) {
    // What is there may have to make room for something better.
    out.failure = std::move(*failed);
    return throw_away();
  }
  feed(query.bytes, out);
  if (out.damage.empty() && !decoder_->finish()) complete(directory, out);
}

bool SnapshotIntake::open(const std::string& directory, const SnapshotQuery& query, SnapshotAnswer& out) {
  const std::string place = snapshots_place(directory);
  std::error_code error;
  fs::create_directory(place, error);
  if (error) {
    out.failure = "can't create " + place + ": " + error.message();
    return false;
  }
  if (!make_way(place, query, out)) return false;
  file_.close();
  id_.clear();
  const std::string path = place + "/" + query.id + std::string(kIncomingSuffix);
  std::variant<File, std::string> opened = File::open(path, O_RDWR | O_CREAT);
  if (auto* failed = std::get_if<std::string>(&opened)) {
    out.failure = std::move(*failed);
    return false;
  }
  file_ = std::move(std::get<File>(opened));
  id_ = query.id;
  path_ = path;
  bytes_ = 0;
  unsynced_ = 0;
  decoder_ = std::make_unique<artefact::Decoder>(
      [](std::string_view, std::string_view) -> std::optional<std::string> { return std::nullopt; });
  // What came before this process, or before another one took its place for a while.
  std::string piece(limits::kMiB, '\0');
  while (out.damage.empty()) {
    const ssize_t n = ::pread(file_.fd(), piece.data(), piece.size(), static_cast<off_t>(bytes_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      out.failure = error_text("read", path);
      throw_away();
      return false;
    }
    if (n == 0) return true;
    feed(std::string_view(piece).substr(0, static_cast<size_t>(n)), out);
  }
  // It begins anew.
  out.damage.clear();
  out.wanted = 0;
  out.is_out_of_step = query.offset != 0;
  return query.offset == 0 && open(directory, query, out);
}

// Another one that is on its way goes first, unless nobody goes on with it.
bool SnapshotIntake::make_way(const std::string& place, const SnapshotQuery& query, SnapshotAnswer& out) {
  std::error_code error;
  for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kIncomingSuffix) || name == query.id + std::string(kIncomingSuffix)) continue;
    if (is_recent(at->path().string())) {
      out.failure = "another snapshot, " + name.substr(0, name.size() - kIncomingSuffix.size()) +
                    ", is being brought here";
      return false;
    }
    (void)::unlink(at->path().c_str());
  }
  return true;
}

void SnapshotIntake::feed(std::string_view bytes, SnapshotAnswer& out) {
  bytes_ += bytes.size();
  out.wanted = bytes_;
  if (std::optional<std::string> fault = decoder_->feed(bytes)) {
    out.damage = std::move(*fault);
    throw_away();
  }
}

void SnapshotIntake::complete(const std::string& directory, SnapshotAnswer& out) {
  if (snapshot_id(decoder_->artefact()) != id_) {
    out.damage = "its content does not fit its name";
    return throw_away();
  }
  std::optional<std::string> failed = file_.sync_data();
  if (!failed) failed = keep_snapshot(directory, path_, id_);
  if (failed) {
    out.failure = std::move(*failed);
    return throw_away();
  }
  if (std::optional<SnapshotInfo> kept = find_snapshot(directory, id_)) out.found = {std::move(*kept)};
  out.at_end = true;
  id_.clear();
  file_.close();
  decoder_.reset();
}

void SnapshotIntake::throw_away() {
  (void)::unlink(path_.c_str());
  file_.close();
  id_.clear();
}

}  // namespace patronus
