// What must hold of a node's consensus after every step, by itself and against the step before. A class of
// its own, so that the protocol reads without them (after LogCabin's RaftConsensusInvariants).
#pragma once

#include "core/base/types.h"
#include "core/raft/entry.h"

namespace patronus {

class Raft;

class Invariants {
 public:
  // Asserts that the state is sound and a lawful successor of the last one checked.
  void check(const Raft& raft);

 private:
  void check_now(const Raft& raft) const;
  void check_successor(const Raft& raft) const;

  struct Seen {
    HardState hard;
    Index commit;
    Index applied;
    Index last;
    bool leader = false;
  };
  bool any_ = false;
  Seen seen_;
};

}  // namespace patronus
