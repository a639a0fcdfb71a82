// What a node shows of itself and of the cluster. Nothing here changes anything.
#include <algorithm>

#include "core/base/limits.h"
#include "core/node.h"
#include "core/raft/quorum.h"

namespace patronus {
namespace {

std::string role_name(const Raft& raft) {
  if (raft.is_leader()) return "leader";
  if (std::holds_alternative<Candidate>(raft.role())) return "candidate";
  return "follower";
}

std::string standing_name(Standing standing) {
  static constexpr const char* kNames[] = {"", "voter", "learner", "joining", "leaving"};
  return kNames[static_cast<size_t>(standing)];
}

}  // namespace

std::vector<ComponentView> Node::components(Now now) const {
  std::vector<ComponentView> views = health_.view(now);
  for (ComponentView& view : views) {
    // One that lags serves nobody wrong, and what it lacks, such as room, all nodes may lack at once. One
    // that was damaged is to be made whole first.
    if (view.name == "database") view.tolerated = !view.ok && database_lags_ && !database_is_broken_;
  }
  // An election must not empty the balancer's pool, so patience is longer than an election takes.
  const Duration patience = 2 * raft_.election_timeout() + limits::kElectionWindowMax;
  const Duration silence = raft_.is_leader() ? Duration{0} : now.mono - raft_.last_leader_contact();
  const std::string search = founding_.search().empty() ? "" : "; " + founding_.search();
  ComponentView leader{"leader", true, "", WallTime{now.wall.unix_ms - in_ms(silence)}};
  if (!raft_.hard_state().cluster_id) {
    leader.ok = false;
    leader.reason = founding_.waits_for(boot_);
  } else if (!raft_.had_leader_contact()) {
    leader.ok = false;
    leader.reason = "no leader heard of since this node started" + search;
  } else if (silence > patience) {
    leader.ok = false;
    leader.reason = "no leader heard of for " + std::to_string(in_ms(silence)) + " ms" + search;
  } else if (!vouches(now)) {
    leader.ok = false;
    leader.reason = "has not learnt of late how far the cluster is";
  }
  views.push_back(std::move(leader));
  const uint64_t known = std::max(raft_.leader_commit(), raft_.commit()).value;
  const uint64_t lag = known - std::min(known, store_.applied().value);
  ComponentView replication{"replication", lag <= limits::kReadyLagEntriesMax, "", now.wall};
  if (raft_.log().configuration() == nullptr) {
    replication.ok = false;
    replication.reason = "has nothing of the log yet";
  } else if (!replication.ok) {
    replication.reason = std::to_string(lag) + " entries behind the leader";
  }
  views.push_back(std::move(replication));
  return views;
}

void Node::fill_nodes(Now now, Status& status) const {
  const Configuration* configuration = raft_.log().configuration();
  if (configuration == nullptr) return;
  const std::vector<MemberView> members = raft_.members(now);
  for (const Member& member : configuration->members) {
    NodeView view{member.id,
                  member.api_address,
                  "follower",
                  member.votes(),
                  standing_name(member.standing),
                  false,
                  -1,
                  Index{},
                  0,
                  ""};
    if (store_.members().leaving().contains(member.id)) view.standing = standing_name(Standing::kLeaving);
    const auto told =
        std::find_if(members.begin(), members.end(), [&](const MemberView& m) { return m.id == member.id; });
    const auto link = links_.find(member.id);
    if (told != members.end() && !status.leader.empty()) {
      view.healthy = told->healthy;
      view.last_contact_ms = told->last_contact_ms;
      view.applied = told->applied;
      view.draining = told->draining;
      view.room = told->room;
    } else {
      // Without a leader nobody counts for all; a link is what this node itself can see.
      view.healthy = link != links_.end();
    }
    if (link != links_.end()) {
      view.version = link->second.version;
      if (link->second.incarnation != member.incarnation) view.role = "stranger";
    }
    if (member.id == status.leader) view.role = "leader";
    if (member.id == boot_.id) {
      view.role = raft_.is_member(boot_.id, boot_.incarnation) ? status.role : "stranger";
      view.healthy = true;
      view.last_contact_ms = 0;
      view.applied = store_.applied();
      view.draining = draining_;
      view.room = raft_.room();
      view.version = version_;
    }
    const uint64_t head = std::max({raft_.leader_commit(), raft_.commit(), store_.applied()}).value;
    view.lag_entries = head - std::min(head, view.applied.value);
    if (view.healthy) ++status.nodes_healthy;
    if (member.id == status.leader) status.leader_address = member.api_address;
    status.nodes.push_back(std::move(view));
  }
  for (const auto& [id, wanted] : store_.members().wanted()) {
    if (configuration->find(id) != nullptr) continue;
    NodeView view{id, wanted.api_address, "expected", false, "expected", false, -1, Index{}, 0, ""};
    const auto link = links_.find(id);
    if (link != links_.end()) view.version = link->second.version;
    status.nodes.push_back(std::move(view));
  }
}

Status Node::status(Now now) const {
  Status status;
  status.id = boot_.id;
  status.cluster_id = raft_.hard_state().cluster_id;
  status.leader = heard_leader(now);
  status.role = role_name(raft_);
  status.term = raft_.term();
  status.commit = raft_.commit();
  status.applied = store_.applied();
  status.last_index = raft_.log().last_index();
  if (const Configuration* configuration = raft_.log().configuration()) {
    status.quorum = quorum::needed(*configuration);
    status.failure_tolerance = quorum::failure_tolerance(*configuration);
  }
  fill_nodes(now, status);
  status.components = components(now);
  status.draining = draining_;
  status.ready =
      !draining_ && std::all_of(status.components.begin(), status.components.end(),
                                [](const ComponentView& component) { return component.allows_ready(); });
  if (!status.cluster_id) status.waits_for = founding_.waits_for(boot_);
  status.state_bytes = store_.bytes();
  status.state_keys = store_.keys();
  status.sessions = store_.accounts().session_count();
  status.log_bytes = raft_.log().bytes();
  status.room = raft_.room();
  status.protocol = cluster_protocol();
  status.log_first = raft_.log().base_index().next();
  status.image_applied = checkpointer_.durable();
  if (boot_.has_database) status.database_applied = projector_.projected();
  status.elections_total = store_.leader_changes();
  status.failovers_total = failovers_;
  status.counters = raft_.counters();
  return status;
}

}  // namespace patronus
