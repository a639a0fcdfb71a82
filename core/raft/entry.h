// What a log is made of, and the votes kept beside it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"

namespace patronus {

// The leader's clocks at the time of a proposal, carried by every entry so that apply never reads a clock.
struct Stamp {
  int64_t lease_ms = 0;  // how long leaders have led, all terms together; leaderless time does not count
  int64_t wall_ms = 0;   // Unix time in milliseconds; never goes back along the log

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

enum class EntryKind : uint8_t {
  kLeader = 1,         // the no-op that opens a term; its payload is a LeaderRecord
  kConfiguration = 2,  // its payload is a Configuration, effective once appended
  kCommand = 3,        // its payload is a Command for the replicated state
};

struct Entry {
  Index index;
  Term term;
  EntryKind kind = EntryKind::kCommand;
  Stamp stamp;
  Blob payload;

  // What the entry takes when encoded.
  size_t encoded_bytes() const { return kHeaderBytes + payload.size(); }
  static constexpr size_t kHeaderBytes = 8 + 8 + 1 + 8 + 8 + 4;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// What Raft keeps besides the log, and must have on disk before anything that follows from it is visible.
// How far a data directory has come (core/disk_lives.h).
struct DiskLife {
  Incarnation incarnation;
  uint64_t life = 0;
  uint64_t process = 0;

  friend bool operator==(const DiskLife&, const DiskLife&) = default;
};
// What a node keeps of its own lives and of others'.
struct Lives {
  uint64_t life = 0;       // this data directory's; 0: it does not count them yet
  bool confirmed = false;  // another member has it on its disk
  std::vector<uint64_t>
      processes{};  // that have been in this life, the last one last; at most kLifeProcessesMax
  std::vector<DiskLife> others{};  // the last ones that are known of other members; at most kMembersMax

  friend bool operator==(const Lives&, const Lives&) = default;
};

struct HardState {
  Term term;
  NodeId voted_for;      // in this term; empty: nobody
  ClusterId cluster_id;  // once it is set it never changes: a data directory belongs to one cluster
  uint64_t boot = 0;     // how often this data directory was started
  Lives lives{};

  friend bool operator==(const HardState&, const HardState&) = default;
};

void encode(Writer& out, const Entry& entry);
// Refuses an unknown kind and a payload above kEntryBytesMax through the reader.
[[nodiscard]] Entry decode_entry(Reader& in);

// Without the lives, which are a record of their own.
void encode(Writer& out, const HardState& hard);
[[nodiscard]] HardState decode_hard_state(Reader& in);

void encode(Writer& out, const DiskLife& life);
[[nodiscard]] DiskLife decode_disk_life(Reader& in);
void encode(Writer& out, const Lives& lives);
[[nodiscard]] Lives decode_lives(Reader& in);

void encode(Writer& out, const ClusterId& id);
[[nodiscard]] ClusterId decode_cluster_id(Reader& in);

}  // namespace patronus
