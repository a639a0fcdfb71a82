// Which protocol the cluster speaks, and what becomes of one that has lost its majority for good.
#include <algorithm>
#include <utility>

#include "core/node.h"

namespace patronus {

// Who is neither a member nor linked any more is forgotten, so that there are never many.
void Node::note_protocol(const PeerIdentity& peer) {
  std::erase_if(protocols_, [&](const auto& one) {
    const Configuration* configuration = raft_.log().configuration();
    const bool belongs = configuration != nullptr &&
                         std::any_of(configuration->members.begin(), configuration->members.end(),
                                     [&](const Member& member) { return member.incarnation == one.first; });
    return !belongs && std::none_of(links_.begin(), links_.end(),
                                    [&](const auto& link) { return link.second.incarnation == one.first; });
  });
  protocols_[peer.incarnation] = peer.protocol;
}

protocol::Version Node::cluster_protocol() const {
  protocol::Version lowest = boot_.protocol;
  const Configuration* configuration = raft_.log().configuration();
  if (configuration == nullptr) return protocol::kOldest;
  for (const Member& member : configuration->members) {
    if (member.id == boot_.id) continue;
    const auto known = protocols_.find(member.incarnation);
    lowest = std::min(lowest, known == protocols_.end() ? protocol::kOldest : known->second);
  }
  return lowest;
}

Node::Remains Node::remains(Now now) const {
  Remains remains;
  remains.cluster_id = raft_.hard_state().cluster_id;
  // What is not on this disk yet may be gone with the process.
  remains.last_index = raft_.log().durable();
  remains.last_term = raft_.log().term_at(remains.last_index).value_or(Term{});
  remains.is_settled = remains.last_index == raft_.log().last_index();
  remains.committed = std::max(raft_.commit(), raft_.leader_commit());
  if (const Configuration* configuration = raft_.log().configuration()) {
    remains.voters = configuration->voters();
    remains.is_voter = raft_.is_voter();
  }
  remains.silence = raft_.is_leader() ? Duration{0} : now.mono - raft_.last_leader_contact();
  remains.is_lost = remains.voters > 0 && remains.silence > 2 * raft_.election_timeout();
  return remains;
}

// An operator has given this node's cluster up. Where it lives on all the same he was wrong, and it is not
// for this node to end it; but one that comes back from the dead takes no part in bringing it back to life.
// The other end says it again at each dial.
void Node::handle(Now now, ClusterGivenUp& event, Effects& out) {
  if (told_removed_) return;
  const std::string what = "cluster " + identity().cluster_id.hex() + " was given up, and goes on as " +
                           event.goes_on_as.hex() + " without this node, as node " + event.by + " says";
  const bool is_silent =
      heard_leader(now).empty() && now.mono - raft_.last_leader_contact() > 2 * raft_.election_timeout();
  if (is_silent) {
    told_removed_ = true;
    out.emplace_back(Stop{what + "; to join it, move this node's data directory away and start it again"});
    return;
  }
  if (!raft_.had_leader_contact()) raft_.abstain();
  if (std::exchange(told_given_up_, true) || heard_leader(now).empty()) return;
  out.emplace_back(Notice{NoticeKind::kStranger,
                          what + "; but here it has a leader: two clusters serve now, so stop one of them"});
}

}  // namespace patronus
