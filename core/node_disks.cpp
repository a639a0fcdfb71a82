// Disks that went back in time (scenario 49): what their nodes say counts for nothing, and they are told so.
// Who is told sets its disk aside and begins with nothing, under a new incarnation.
#include <algorithm>

#include "core/base/limits.h"
#include "core/node.h"
#include "core/raft/quorum.h"

namespace patronus {

bool Node::is_of_an_old_disk(Now now, const NodeId& from, Incarnation incarnation, Effects& out) {
  if (disk_lives_.is_suspected(incarnation)) return true;
  if (!disk_lives_.went_back(incarnation)) return false;
  const auto link = links_.find(from);
  const bool is_there = link != links_.end() && link->second.incarnation == incarnation;
  if (!is_there || !disk_lives_.tell(incarnation, now.mono)) return true;
  out.emplace_back(
      Notice{NoticeKind::kStranger, "the disk of node " + from +
                                        " is older than it was: it has lost what others count on, and "
                                        "is told to set it aside"});
  raft_.send(from, DiskWentBack{}, PersistId{}, out);
  return true;
}

void Node::note_life(const PeerIdentity& peer, bool dialled, Effects& out) {
  if (disk_lives_.note(peer, dialled)) out.emplace_back(Redial{peer.id});
  if (disk_lives_.went_back(peer.incarnation)) raft_.distrust(peer.id, peer.incarnation);
}

// What messages say of lives: each of its own and its leader's, and a leader of all members', so that who
// could not meet one knows of it too.
void Node::hear_lives(const PeerMessage& event, const DiskLife& own, const DiskLife& known, Effects& out) {
  if (own.incarnation == event.incarnation && disk_lives_.hear(own)) out.emplace_back(Redial{event.from});
  if (raft_.is_member(event.from, event.incarnation)) raft_.confirm_life(known, out);
}
void Node::hear_lives(const PeerMessage& leader, Effects& out) {
  if (raft_.leader() != leader.from) return;
  for (const MemberView& view : raft_.told_members()) {
    if (view.disk.incarnation == boot_.incarnation) {
      if (raft_.is_member(leader.from, leader.incarnation)) raft_.confirm_life(view.disk, out);
    } else if (disk_lives_.hear(view.disk)) {
      out.emplace_back(Redial{view.id});
    }
  }
}

// Nothing is kept before all members know what it is: the log is to be read by the version before, too, until
// then. A disk that is short of room has other uses for it.
void Node::keep_lives(Now now, Effects& out) {
  const Configuration* configuration = raft_.log().configuration();
  const bool is_new = kept_lives_ != disk_lives_.version() || kept_for_ != raft_.log().configuration_index();
  const bool is_due = now.mono >= next_life_;
  if (configuration == nullptr || (!is_new && !is_due) || raft_.room() < LogRoom::kUnknown) return;
  if (is_due) next_life_ = now.mono + boot_.life_interval;
  const bool begins = raft_.hard_state().lives.life == 0;
  if (begins && (cluster_protocol() < protocol::kDiskLives || !raft_.is_member(boot_.id, boot_.incarnation)))
    return;
  if (begins || is_due) raft_.begin_life(out);
  if (!is_new) return;
  std::vector<DiskLife> others;
  for (const Member& member : configuration->members) {
    const std::optional<DiskLife> life = disk_lives_.known(member.incarnation);
    if (life && member.incarnation != boot_.incarnation && others.size() < limits::kMembersMax)
      others.push_back(*life);
  }
  kept_lives_ = disk_lives_.version();
  kept_for_ = raft_.log().configuration_index();
  raft_.keep_lives(std::move(others), out);
}

void Node::note_old_disks(Now now, Effects& out) {
  for (const Incarnation incarnation : raft_.take_went_back()) {
    disk_lives_.distrust(incarnation);
    for (const auto& [id, link] : links_) {
      if (link.incarnation == incarnation) (void)is_of_an_old_disk(now, id, incarnation, out);
    }
  }
}

// Members know; and so does who leads, whom this node may have forgotten. If the copy is from before it
// belonged to a cluster it knows nobody, but has nothing to lose either; and were it to go on, whoever has
// not heard of it would soon count what it says.
void Node::on_disk_went_back(const PeerMessage& event, Effects& out) {
  const ClusterId& own = raft_.hard_state().cluster_id;
  // Nor can it be one that this process has made: then the word was for the one before.
  const bool is_blank = boot_.hard.boot > 0 && raft_.log().configuration() == nullptr &&
                        event.message.cluster_id && (!own || event.message.cluster_id == own);
  const bool belongs = event.message.cluster_id == own &&
                       (raft_.is_member(event.from, event.incarnation) || event.from == raft_.leader());
  if ((!belongs && !is_blank) || sets_aside_) return;
  sets_aside_ = true;
  out.emplace_back(
      SetAside{"node " + event.from +
                   " says that this disk is older than it was, as if restored from a copy: it has lost "
                   "votes or entries that others count on",
               event.message.cluster_id});
}

bool Node::others_serve(Now now) const {
  const Configuration* configuration = raft_.log().configuration();
  if (configuration == nullptr || heard_leader(now).empty() || !vouches(now)) return false;
  const std::vector<MemberView> told = raft_.members(now);
  return quorum::has_majority(*configuration, [&](const Member& member) {
    const auto at =
        std::find_if(told.begin(), told.end(), [&](const MemberView& view) { return view.id == member.id; });
    return member.id != boot_.id && at != told.end() && at->healthy;
  });
}

// An operator's word. Who has come to lead meanwhile hands over first.
void Node::begin_anew_if_told(Now now, Effects& out) {
  if (sets_aside_ || told_removed_ || !store_.members().begins_anew(boot_.id, boot_.incarnation)) return;
  if (raft_.is_leader()) {
    if (raft_.is_handing_over() || now.mono < next_retirement_) return;
    next_retirement_ = now.mono + limits::kHandOverRetry;
    (void)raft_.transfer(now, NodeId{}, LeaderCause::kTransfer, out);
    return;
  }
  // The wish may be old by now.
  if (!others_serve(now)) return;
  sets_aside_ = true;
  out.emplace_back(
      SetAside{"an operator wants this node to begin with nothing", raft_.hard_state().cluster_id});
}

}  // namespace patronus
