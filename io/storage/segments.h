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

// The same in parts: made under a temporary name, a piece at a time, and then taken.
class PreparedSegment {
 public:
  explicit PreparedSegment(std::string directory);

  // Does the next piece of work; nothing if that went well. It begins only if there is room for all of it and
  // for `spare` bytes more, and what turns out not to fit is given back: others need the last of a disk more.
  [[nodiscard]] std::optional<SegmentError> work(uint64_t spare = 0);
  bool ready() const { return zeroed_ready_; }
  // Gives it its header and its name; it must be ready. The next one can be prepared then.
  [[nodiscard]] std::optional<SegmentError> take(Incarnation incarnation, const wal::Position& start);

 private:
  SegmentError give_up(std::string text);

  std::string directory_;
  std::string temporary_;
  uint64_t zeroed_ = 0;
  bool zeroed_ready_ = false;
};

}  // namespace patronus
