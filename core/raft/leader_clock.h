// The clocks a leader stamps entries with. Lease time is how long leaders have led: it goes on from the log's
// last stamp by the leader's monotonic clock, and a process that was stopped in between adds no more than one
// step, so that nobody's lease runs out while nobody could renew it. Wall time never goes back along the log.
#pragma once

#include <algorithm>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/base/time.h"
#include "core/raft/entry.h"

namespace patronus {

// How far another node's wall clock is ahead of this one's; what it says is held within what a stamp can
// carry.
inline int64_t offset_ms(WallTime theirs, WallTime ours) {
  return std::clamp(theirs.unix_ms, int64_t{0}, limits::kStampMax) - ours.unix_ms;
}

class LeaderClock {
 public:
  LeaderClock() = default;
  // Takes over from the last stamp of the log. `step_max` is the longest silence in which the leader surely
  // still led; advance() is called more often than that unless the process was stopped.
  LeaderClock(Stamp last, Instant now, Duration step_max)
      : at_(now),
        step_max_(step_max),
        lease_(std::chrono::milliseconds(last.lease_ms)),
        wall_ms_(last.wall_ms) {}

  void advance(Now now, bool wall_is_trusted) {
    const int64_t wall = wall_ms(now, wall_is_trusted);
    lease_ = lease(now.mono);
    wall_ms_ = wall;
    at_ = now.mono;
  }

  // `last` is the log's last stamp, which nothing goes back behind. A wall clock that is out of line with the
  // quorum's is not read: the time goes on from where it was by the monotonic clock.
  Stamp stamp(Now now, Stamp last, bool wall_is_trusted) const {
    const int64_t lease_ms = std::chrono::duration_cast<std::chrono::milliseconds>(lease(now.mono)).count();
    return {std::clamp(lease_ms, last.lease_ms, limits::kStampMax),
            std::max(std::clamp<int64_t>(wall_ms(now, wall_is_trusted), 0, limits::kStampMax), last.wall_ms)};
  }

 private:
  Duration lease(Instant now) const {
    if (MUTANT(kLeaseCountsPause)) return lease_ + (now - at_);
    return lease_ + std::clamp<Duration>(now - at_, Duration{0}, step_max_);
  }
  int64_t wall_ms(Now now, bool trusted) const {
    return trusted ? now.wall.unix_ms : wall_ms_ + in_ms(now.mono - at_);
  }

  Instant at_;
  Duration step_max_{};
  Duration lease_{};
  int64_t wall_ms_ = 0;
};

}  // namespace patronus
