// Creating segments: filled with zeros and synced before use, so that a batch's fdatasync has no file size
// and no extents to make durable, and reading past the last batch finds zeros.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/types.h"
#include "core/wal/format.h"

namespace patronus {

// Creates a segment whole: zeros and header, synced, and its directory entry with it. Nothing on success.
[[nodiscard]] std::optional<std::string> create_segment(const std::string& directory, Incarnation incarnation,
                                                        const wal::Position& start);

// The same in two parts. prepare_segment makes it under a temporary name, a piece at a time, and gives up
// with false as soon as `interrupted` says so; what is there is used when it goes on.
class PreparedSegment {
 public:
  explicit PreparedSegment(std::string directory);

  // Does the next piece of work. True once the segment is ready to be taken.
  [[nodiscard]] std::optional<std::string> work();
  bool ready() const { return zeroed_ready_; }
  // Gives it its header and its name; it must be ready. The next one can be prepared then.
  [[nodiscard]] std::optional<std::string> take(Incarnation incarnation, const wal::Position& start);

 private:
  std::string directory_;
  std::string temporary_;
  uint64_t zeroed_ = 0;
  bool zeroed_ready_ = false;
};

}  // namespace patronus
