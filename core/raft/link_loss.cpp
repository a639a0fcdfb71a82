// What the end of a peer's process means here. The kernel of a machine says at once that a process is gone,
// so its followers need not wait for the election timeout, and a leader need not wait to learn that it has
// lost its majority.
#include <algorithm>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/raft.h"

namespace patronus {

void Raft::peer_gone(Now now, const NodeId& peer, bool on_purpose, Effects& out) {
  const Configuration* configuration = log_.configuration();
  if (configuration == nullptr || configuration->find(peer) == nullptr) return;
  if (gone_.size() >= 2 * limits::kMembersMax) {  // of members that are none any more
    std::erase_if(gone_, [&](const auto& other) { return configuration->find(other.first) == nullptr; });
  }
  gone_[peer] = on_purpose ? LeaderCause::kDrain : LeaderCause::kCrash;
  if (is_leader()) {
    if (!hears_a_majority(now) && !MUTANT(kNoCheckQuorum)) become_follower(now, hard_.term, NodeId{}, out);
    return;
  }
  if (leader() != peer || !may_campaign() || draining_) return;
  // A small random wait lets one follower ask before the others do, and all of them learn what it knows.
  const Instant soon = now.mono + random_.duration_below(limits::kCrashPatience);
  election_deadline_ = std::min(election_deadline_, soon);
}

}  // namespace patronus
