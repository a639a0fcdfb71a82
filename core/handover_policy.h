// Whether a leader that could go on should rather hand over: to a node that the operator would like to lead
// (PATRONUS_LEADER_PRIORITY), or because its own disk has become slow and another one's is not. Both are
// comforts: a leadership that moves to and fro would be worse than either, so each hand-over makes this node
// wait longer before the next, and a slow disk is a reason only beside a clearly faster one. A full disk is
// none: at once, to a node that has more room, and never back to one that has less.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/raft/contender.h"

namespace patronus {

class HandOverPolicy {
 public:
  HandOverPolicy(uint8_t priority, Duration election_timeout);

  struct Choice {
    NodeId target;
    std::string why;  // for the node's log
  };
  // Asked every so often while this node leads, since `led_since`, with its disk's pace (0: not known) and
  // room. If it chooses one, the caller begins the hand-over; whether it comes to anything or not counts as
  // one.
  [[nodiscard]] std::optional<Choice> review(Instant now, Instant led_since, Duration pace, LogRoom room,
                                             const std::vector<Contender>& contenders);

  // A disk whose writes take longer is slow; one is good again below half of it.
  Duration slow_above() const { return slow_above_; }

 private:
  std::optional<Choice> roomier_one(Instant now, LogRoom room, const std::vector<Contender>& contenders);
  void note_pace(Instant now, Duration pace);
  std::optional<Choice> faster_one(Duration pace, const std::vector<Contender>& contenders) const;
  std::optional<Choice> preferred_one(const std::vector<Contender>& contenders) const;

  uint8_t priority_;
  Duration patience_;  // how long a leadership, or a slow disk, must have lasted
  Duration slow_above_;
  std::optional<Instant> slow_since_;
  Instant not_before_;
  Instant next_for_room_;
  Duration back_off_;
};

}  // namespace patronus
