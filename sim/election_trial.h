// One trial of the experiment that the Raft paper (extended version, section 9.3 and figure 16) reports: five
// servers, logs of different lengths, so that two of the four that are left may not lead, heartbeats of the
// same moment, and then the leader crashes. How long nobody leads.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"

namespace patronus::sim {

struct ElectionTrial {
  Duration election_timeout{};
  // As in the paper: timeouts are drawn from a window of this width, without pre-vote, and the heartbeat
  // interval is half a timeout. Nothing: this program's own elections and its own heartbeats, a fifth of a
  // timeout.
  std::optional<Duration> paper_window;
  // Only the process crashes, and its machine says so; otherwise the machine falls silent.
  bool is_told = false;
  // A message to each of the others, a write to disk and the last answer take about 15 ms together, which is
  // the paper's broadcast time; it does not say how much of that is the disk's.
  Duration latency_min = std::chrono::microseconds(500);
  Duration latency_max = std::chrono::milliseconds(9);
  Duration sync_min = std::chrono::microseconds(500);
  Duration sync_max = std::chrono::milliseconds(2);
};

// From the crash until somebody leads; nothing if that takes longer than `patience`. The same for the same
// seed.
[[nodiscard]] std::optional<Duration> time_without_leader(const ElectionTrial& trial, uint64_t seed,
                                                          Duration patience);

}  // namespace patronus::sim
