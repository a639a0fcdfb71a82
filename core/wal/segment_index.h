// Which segments of the log are still needed.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/base/types.h"
#include "core/wal/format.h"
#include "core/wal/recovery.h"

namespace patronus::wal {

class SegmentIndex {
 public:
  // As recovery found them.
  explicit SegmentIndex(const std::vector<SegmentInfo>& segments);

  // A write is on disk.
  void written(uint64_t segment, bool is_new, Index last_entry);
  // Entries up to here are needed no longer. The first segment that must stay, if that lets any before it go;
  // those are forgotten.
  [[nodiscard]] std::optional<uint64_t> release(Index through);

  uint64_t first() const { return segments_.front().segment; }

 private:
  std::deque<SegmentInfo> segments_;
};

}  // namespace patronus::wal
