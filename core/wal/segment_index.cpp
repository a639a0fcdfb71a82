#include "core/wal/segment_index.h"

#include <algorithm>

#include "core/base/assert.h"

namespace patronus::wal {

SegmentIndex::SegmentIndex(const std::vector<SegmentInfo>& segments)
    : segments_(segments.begin(), segments.end()) {
  if (segments_.empty()) segments_.push_back({1, Index{}, true});
}

void SegmentIndex::written(uint64_t segment, bool is_new, Index last_entry) {
  if (is_new) segments_.push_back({segment, Index{}, true});
  PATRONUS_ASSERT(segments_.back().segment == segment, "segments are filled one after the other");
  segments_.back().last_entry = std::max(segments_.back().last_entry, last_entry);
}

// The last segment stays in any case: batches go there.
std::optional<uint64_t> SegmentIndex::release(Index through) {
  size_t gone = 0;
  for (size_t i = 0; i + 1 < segments_.size() && segments_[i].last_entry <= through; ++i) {
    if (segments_[i + 1].can_be_first) gone = i + 1;
  }
  if (gone == 0) return std::nullopt;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(gone));
  return segments_.front().segment;
}

}  // namespace patronus::wal
