// Creating segments: filled with zeros and synced before use, so that a batch's fdatasync has no file size
// and no extents to make durable, and reading past the last batch finds zeros.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/types.h"
#include "core/wal/format.h"

namespace patronus {

// True if errno says that there is no room on the disk.
[[nodiscard]] bool is_want_of_room();

// Creates a segment whole: zeros and header, synced, and its directory entry with it. Nothing on success.
[[nodiscard]] std::optional<std::string> create_segment(const std::string& directory, Incarnation incarnation,
                                                        const wal::Position& start);

struct SegmentError {
  std::string text;
  bool no_room = false;  // the disk, or what this user may take of it, is full: worth trying again
};

// The same in parts: made under a temporary name, a piece at a time, and then taken. After a failure for want
// of room what is there is used when it goes on.
class PreparedSegment {
 public:
  explicit PreparedSegment(std::string directory);

  // Does the next piece of work; nothing if that went well.
  [[nodiscard]] std::optional<SegmentError> work();
  bool ready() const { return zeroed_ready_; }
  // Gives it its header and its name; it must be ready. The next one can be prepared then.
  [[nodiscard]] std::optional<SegmentError> take(Incarnation incarnation, const wal::Position& start);

 private:
  std::string directory_;
  std::string temporary_;
  uint64_t zeroed_ = 0;
  bool zeroed_ready_ = false;
};

}  // namespace patronus
