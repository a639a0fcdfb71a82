// Which node somebody turns to. Where the tape says nothing it is the next one each time, so that nobody
// insists for ever on a node that was removed.
#pragma once

#include "sim/network.h"
#include "sim/tape.h"

namespace patronus::sim {

class AnyNode {
 public:
  AnyNode(Track& tape, uint32_t nodes) : tape_(tape), nodes_(nodes) {}

  HostId operator()() { return (turn_++ % nodes_ + tape_.choose(nodes_)) % nodes_; }

 private:
  Track& tape_;
  uint32_t nodes_;
  uint32_t turn_ = 0;
};

}  // namespace patronus::sim
