// Changes of the configuration (Raft paper, section 6; thesis, chapter 4): one at a time, effective once
// appended. What is to change is decided in membership.h.
#include <algorithm>
#include <limits>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/raft.h"

namespace patronus {

bool Raft::may_change_configuration() const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || leader->transfer || leader->retires) return false;
  // Two leaders may each have appended a change to the same configuration; with an entry of this term
  // committed the other's can't be committed any more (scenario 24).
  if (commit_ < leader->first_index && !MUTANT(kChangeBeforeOwnTerm)) return false;
  return log_.configuration_index() <= commit_ || MUTANT(kChangeBeforeOwnTerm);
}

bool Raft::change_configuration(Now now, const Configuration& next, Effects& out) {
  if (!may_change_configuration()) return false;
  const Configuration before = *log_.configuration();
  PATRONUS_ASSERT(is_lawful_step(before, next), "any majority before a change and any after share a voter");
  append_own(now, EntryKind::kConfiguration, Blob(encode_configuration(next)), out);
  follow_configuration(now, before);
  replicate_all(now, out);
  maybe_commit(now, out);
  return true;
}

void Raft::follow_configuration(Now now, const Configuration& before) {
  auto& leader = std::get<Leader>(role_);
  const Configuration& next = *log_.configuration();
  for (const Member& member : next.members) {
    if (member.id == self_ || before.is_member(member.id, member.incarnation)) continue;
    leader.departing.erase(member.id);
    leader.peers.insert_or_assign(member.id, Progress(log_.last_index().next(), now.mono));
  }
  for (const Member& member : before.members) {
    if (member.id == self_ || next.find(member.id) != nullptr) continue;
    leader.departing[member.id] = {member.incarnation, now.mono + 2 * election_timeout_};
  }
}

void Raft::forget_departed(Now now) {
  auto& leader = std::get<Leader>(role_);
  std::erase_if(leader.departing, [&](const auto& other) {
    if (now.mono < other.second.until) return false;
    leader.peers.erase(other.first);
    return true;
  });
}

// A leader that a configuration has taken out leads until that is committed, does not count itself, and then
// leaves; it hands over if it can.
void Raft::retire(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  if (commit_ < log_.configuration_index() || is_member(self_, incarnation_) || leader.transfer) return;
  if (!leader.retires && transfer(now, NodeId{}, LeaderCause::kTransfer, out)) {
    leader.retires = true;
    return;
  }
  become_follower(now, hard_.term, NodeId{}, out);
}

std::map<NodeId, MemberHealth> Raft::member_health(Now now) const {
  std::map<NodeId, MemberHealth> health;
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return health;
  health[self_] = {true, false, draining_, 0, Duration::max()};
  for (const auto& [id, progress] : leader->peers) {
    if (leader->departing.contains(id)) continue;
    // A leader that is new has heard nobody, and does not know yet who is silent.
    const bool silent = gone_.contains(id) || now.mono - progress.last_contact() >= election_timeout_;
    const bool healthy = progress.heard() && !silent;
    const uint64_t lag = progress.state() == ProgressState::kSnapshot
                             ? std::numeric_limits<uint64_t>::max()
                             : log_.last_index().value - progress.match().value;
    health[id] = {healthy, silent, progress.draining(), lag,
                  healthy ? now.mono - progress.steady_since() : Duration{}};
  }
  return health;
}

std::vector<NodeId> Raft::in_need_of_state(Now now) const {
  std::vector<NodeId> members;
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return members;
  for (const auto& [id, progress] : leader->peers) {
    const bool is_there = progress.heard() && !gone_.contains(id) && !leader->departing.contains(id) &&
                          now.mono - progress.last_contact() < election_timeout_;
    if (is_there && progress.state() == ProgressState::kSnapshot) members.push_back(id);
  }
  return members;
}

void Raft::distrust(const NodeId& id, Incarnation incarnation) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || !is_member(id, incarnation)) return;
  const auto at = leader->peers.find(id);
  if (at != leader->peers.end()) at->second.distrust();
}

bool Raft::goes_on_after(const NodeId& member, Index base) const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return true;
  const auto at = leader->peers.find(member);
  if (at == leader->peers.end()) return true;
  // Not as soon as it begins to: what it still lacks must not be cut away before it.
  const Index match = at->second.match();
  return match && match >= base && log_.last_index().value - match.value <= limits::kPromoteLagEntriesMax;
}

bool Raft::is_removed() const {
  if (log_.configuration() == nullptr || is_leader() || is_member(self_, incarnation_)) return false;
  return commit_ >= log_.configuration_index() && log_.latest_membership(self_, incarnation_);
}

bool Raft::is_departing(const NodeId& id, Incarnation incarnation) const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return false;
  const auto at = leader->departing.find(id);
  return at != leader->departing.end() && at->second.incarnation == incarnation;
}

bool Raft::may_send_to(const NodeId& id, Incarnation incarnation, const Message& message) const {
  if (log_.configuration() == nullptr || is_member(id, incarnation) || is_departing(id, incarnation))
    return true;
  if (is_request(message.body)) return MUTANT(kIgnoreIncarnation);
  const bool for_the_leader = std::holds_alternative<ForwardWrites>(message.body) ||
                              std::holds_alternative<ReadIndexRequest>(message.body) ||
                              std::holds_alternative<TransferRequest>(message.body);
  return !for_the_leader || id == leader();
}

}  // namespace patronus
