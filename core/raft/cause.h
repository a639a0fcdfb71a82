// Why there was an election: history shows it, and nothing depends on it.
#pragma once

#include <cstdint>
#include <string_view>

namespace patronus {

enum class LeaderCause : uint8_t {
  kStart = 1,     // nobody had led since this node started
  kTimeout = 2,   // the leader was silent for the election timeout
  kCrash = 3,     // the leader's process ended
  kTransfer = 4,  // the leader handed over
  kDrain = 5,     // the leader left on purpose
  kForced = 6     // an operator wanted it
};
std::string_view cause_name(LeaderCause cause);

}  // namespace patronus
