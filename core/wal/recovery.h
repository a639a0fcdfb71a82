// From the bytes that a crash left to what the node had promised. A pure function: production gives it files,
// the simulator its disk, the fuzzer anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/raft/entry.h"
#include "core/wal/format.h"

namespace patronus::wal {

struct SegmentBytes {
  uint64_t segment = 0;
  std::string_view bytes;
};

enum class Verdict : uint8_t {
  kEmpty,  // nothing was ever acknowledged from here: begin anew
  kWhole,
  kTorn,     // the last batch was not finished, so nobody was told of it: it is cut
  kCorrupt,  // something that was synced is damaged or gone: this node can't trust its disk
};

// What must be known of a segment to tell when it can go.
struct SegmentInfo {
  uint64_t segment = 0;
  Index last_entry;           // the highest index of an entry in it, also of one that was replaced later
  bool can_be_first = false;  // it needs nothing of those before it

  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

struct Recovered {
  Verdict verdict = Verdict::kEmpty;
  std::string reason;         // of a tear or a corruption, with its place
  bool newer_format = false;  // corrupt for this version, though not for the one that wrote it
  Incarnation incarnation;
  HardState hard;
  // Consecutive. They begin at 1 if the first segment there is the first ever; otherwise at whatever index is
  // the first in those that are left, and judge_boot() tells whether that is enough.
  std::vector<Entry> entries;
  std::vector<SegmentInfo> segments;  // up to the one in use
  // Where to go on. After a tear everything from here to the end of the segment must be zeroed and synced,
  // and segments after it removed, before anything is written: leftovers must never pass for a later batch.
  Position position;
};

// Segments in ascending order of their numbers, of which the first ones may have been removed. Only a later
// valid batch proves that an earlier one was synced: damage in the last batch is a tear, damage before it is
// corruption.
[[nodiscard]] Recovered recover(std::span<const SegmentBytes> segments);

}  // namespace patronus::wal
