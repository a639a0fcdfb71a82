// Disks that went back in time: restored from an old copy, or cut short in a way that looks like a clean end.
// Such a node has forgotten votes and entries that others count on, under an incarnation that they know. It
// is told by its count of boots, which is durable before it says anything: a process that has the count of
// another, or a lower one, goes on from an older state of the disk. What is remembered is what this process
// has seen. Pure.
#pragma once

#include <cstdint>
#include <map>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/event.h"

namespace patronus {

class DiskLives {
 public:
  // A node said who it is: over a link that this one has dialled, or at the door. True if it is to be dialled
  // anew: what it says is older than what is known, which may be because the stream has outlived its process.
  // If the next link says so as well, its disk went back.
  [[nodiscard]] bool note(const PeerIdentity& peer, bool dialled);
  // What a leader found out by comparing logs.
  void distrust(Incarnation incarnation) { lives_[incarnation].state = State::kWentBack; }
  bool went_back(Incarnation incarnation) const { return is(incarnation, State::kWentBack); }
  // That is not known yet: it is not listened to until it is.
  bool is_suspected(Incarnation incarnation) const { return is(incarnation, State::kSuspected); }
  // True if it is time to tell it (again).
  bool tell(Incarnation incarnation, Instant now);

 private:
  enum class State : uint8_t { kGood, kSuspected, kWentBack };
  struct Life {
    uint64_t boot = 0;
    uint64_t process = 0;
    State state = State::kGood;
    Instant next_told;
  };
  bool is(Incarnation incarnation, State state) const {
    const auto at = lives_.find(incarnation);
    return at != lives_.end() && at->second.state == state;
  }

  std::map<Incarnation, Life> lives_;
};

}  // namespace patronus
