#include "io/storage/segments.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <variant>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/wal/format.h"
#include "io/storage/file.h"
#include "io/storage/log_directory.h"

namespace patronus {
namespace {

constexpr uint64_t kPieceBytes = 128 * limits::kKiB;

SegmentError failure(std::string text) {
  const bool no_room = is_want_of_room();
  return {std::move(text), no_room};
}

}  // namespace

bool is_want_of_room() { return errno == ENOSPC || errno == EDQUOT; }

PreparedSegment::PreparedSegment(std::string directory)
    : directory_(std::move(directory)), temporary_(directory_ + "/next.tmp") {}

SegmentError PreparedSegment::give_up(std::string text) {
  SegmentError error = failure(std::move(text));
  if (error.no_room) {
    (void)::unlink(temporary_.c_str());
    zeroed_ = 0;
  }
  return error;
}

std::optional<SegmentError> PreparedSegment::work(uint64_t spare) {
  if (zeroed_ready_) return std::nullopt;
  if (zeroed_ == 0) {
    struct statvfs disk{};
    const bool known = ::statvfs(directory_.c_str(), &disk) == 0;
    const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (known && free < limits::kWalSegmentBytes + spare) {
      return SegmentError{"there are " + std::to_string(free / limits::kMiB) + " MiB free in " + directory_ +
                              ", and the log's next segment needs " +
                              std::to_string((limits::kWalSegmentBytes + spare) / limits::kMiB),
                          true};
    }
  }
  std::variant<File, std::string> opened =
      File::open(temporary_, O_RDWR | O_CREAT | (zeroed_ == 0 ? O_TRUNC : 0));
  if (auto* error = std::get_if<std::string>(&opened)) return give_up(std::move(*error));
  auto& file = std::get<File>(opened);
  const uint64_t piece = std::min<uint64_t>(kPieceBytes, limits::kWalSegmentBytes - zeroed_);
  if (auto error = file.write_at(zeroed_, std::string(piece, '\0'))) return give_up(std::move(*error));
  // Synced piece by piece: one sync of the whole would make the log's own syncs wait for all of it. A piece
  // whose sync failed is written again.
  if (auto error = file.sync_data()) return give_up(std::move(*error));
  zeroed_ += piece;
  zeroed_ready_ = zeroed_ == limits::kWalSegmentBytes;
  return std::nullopt;
}

std::optional<SegmentError> PreparedSegment::take(Incarnation incarnation, const wal::Position& start) {
  PATRONUS_ASSERT(zeroed_ready_, "only a prepared segment is taken");
  {
    std::variant<File, std::string> opened = File::open(temporary_, O_RDWR);
    if (auto* error = std::get_if<std::string>(&opened)) return failure(std::move(*error));
    auto& file = std::get<File>(opened);
    if (auto error = file.write_at(0, wal::segment_header(incarnation, start)))
      return failure(std::move(*error));
    if (auto error = file.sync_data()) return failure(std::move(*error));
  }
  const std::string path = segment_path(directory_, start.segment);
  if (std::rename(temporary_.c_str(), path.c_str()) != 0) return failure(error_text("create", path));
  zeroed_ = 0;
  zeroed_ready_ = false;
  // Here want of room is as bad as anything else: what the directory holds now is not known.
  if (auto error = sync_directory(directory_)) return SegmentError{std::move(*error), false};
  return std::nullopt;
}

std::optional<std::string> create_segment(const std::string& directory, Incarnation incarnation,
                                          const wal::Position& start) {
  PreparedSegment prepared(directory);
  while (!prepared.ready()) {
    if (auto error = prepared.work()) return std::move(error->text);
  }
  if (auto error = prepared.take(incarnation, start)) return std::move(error->text);
  return std::nullopt;
}

}  // namespace patronus
