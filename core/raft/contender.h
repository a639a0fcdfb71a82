// A voter that could take over at once: heard of, caught up, not draining.
#pragma once

#include <cstdint>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/log_room.h"

namespace patronus {

struct Contender {
  NodeId id;
  uint8_t priority = 0;
  Duration write{};  // what a write to its log takes of late; 0: not known
  LogRoom room = LogRoom::kPlenty;
};

}  // namespace patronus
