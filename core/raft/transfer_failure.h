// Why leadership did not go where it was asked to go.
#pragma once

#include <cstdint>

namespace patronus {

enum class TransferFailure : uint8_t {
  // Said by the leader, so these values travel.
  kUnknownNode = 1,  // no member has this id
  kLeadsAlready,     // there is nothing to hand over
  kNotVoter,         // a learner can't be elected
  kUnhealthy,        // the leader has not heard of it for the election timeout
  kLagging,          // it lacks more of the log than can be sent in a moment
  kDraining,         // it is about to leave, or was told to take no part
  kNobody,           // none was named, and no other voter could take over
  // Said by the node that was asked.
  kNoLeader,  // nobody leads, so there is no leadership to hand over
  kTimeout,   // nobody had taken over when the time was up
  kBusy,      // too many such requests are waiting here
  // Never said: the leader does not know its followers yet, and is asked again.
  kNotYet,
};

}  // namespace patronus
