// Leadership transfer (thesis, section 3.10): the leader stops proposing, sees to it that the target has all
// of its log, and tells it to ask for votes at once; the votes' requests say so, and voters let go of the
// leader.
#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "core/raft/raft.h"

namespace patronus {

bool Raft::is_handing_over() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr && leader->transfer.has_value();
}

void Raft::set_draining(Now now, bool draining, Effects& out) {
  draining_ = draining;
  if (std::holds_alternative<Follower>(role_)) reset_election_deadline(now);
  if (is_leader() || leader().empty()) return;
  send(leader(), heartbeat_response(now, Round{}), PersistId{}, out);
}

bool Raft::has_successor() const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return false;
  return std::any_of(leader->peers.begin(), leader->peers.end(), [&](const auto& peer) {
    const Member* member = log_.configuration()->find(peer.first);
    return member != nullptr && votes_in(Half::kIncoming, member->standing) && !peer.second.draining() &&
           !gone_.contains(peer.first);
  });
}

bool Raft::may_lead(Now now, const NodeId& id, const Progress& progress) const {
  const Member* member = log_.configuration()->find(id);
  return member != nullptr && votes_in(Half::kIncoming, member->standing) && progress.heard() &&
         !progress.draining() && !gone_.contains(id) &&
         now.mono - progress.last_contact() < election_timeout_;
}

bool Raft::lags(const Progress& progress) const {
  return progress.state() == ProgressState::kSnapshot ||
         log_.last_index().value - progress.match().value > limits::kTransferLagEntriesMax;
}

std::vector<Contender> Raft::contenders(Now now) const {
  const auto* leader = std::get_if<Leader>(&role_);
  std::vector<Contender> able;
  if (leader == nullptr) return able;
  for (const auto& [id, progress] : leader->peers) {
    if (may_lead(now, id, progress) && !lags(progress))
      able.push_back({id, progress.priority(), progress.write_pace(), progress.room()});
  }
  return able;
}

Instant Raft::led_since() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader == nullptr ? Instant::never() : leader->since;
}

std::optional<TransferFailure> Raft::transfer_obstacle(Now now, const NodeId& target) const {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || leader->transfer) return TransferFailure::kNotYet;
  // A leader that has just begun has not heard of everybody who is there, and knows nobody's log.
  const bool is_young = now.mono - leader->since < election_timeout_;
  if (target.empty()) {
    const bool any = std::any_of(leader->peers.begin(), leader->peers.end(), [&](const auto& peer) {
      return may_lead(now, peer.first, peer.second) && !lags(peer.second);
    });
    if (any) return std::nullopt;
    return is_young && has_successor() ? TransferFailure::kNotYet : TransferFailure::kNobody;
  }
  if (target == self_) return TransferFailure::kLeadsAlready;
  const Member* member = log_.configuration()->find(target);
  if (member == nullptr) return TransferFailure::kUnknownNode;
  if (!votes_in(Half::kIncoming, member->standing)) return TransferFailure::kNotVoter;
  const Progress& progress = leader->peers.at(target);
  if (progress.draining()) return TransferFailure::kDraining;
  if (!may_lead(now, target, progress))
    return is_young ? TransferFailure::kNotYet : TransferFailure::kUnhealthy;
  if (lags(progress)) return is_young ? TransferFailure::kNotYet : TransferFailure::kLagging;
  return std::nullopt;
}

bool Raft::transfer(Now now, const NodeId& target, LeaderCause cause, Effects& out) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return false;
  const Progress* best = nullptr;
  NodeId chosen;
  for (const auto& [id, progress] : leader->peers) {
    if (!may_lead(now, id, progress) || lags(progress) || (!target.empty() && id != target)) continue;
    const auto rank = [](const Progress& one) { return std::pair(one.room(), one.match()); };
    if (best != nullptr && rank(progress) <= rank(*best)) continue;
    best = &progress;
    chosen = id;
  }
  if (best == nullptr) return false;
  out.emplace_back(Notice{NoticeKind::kHandOver, "hands leadership of term " + std::to_string(term().value) +
                                                     " over to " + chosen + " (" +
                                                     std::string(cause_name(cause)) + ")"});
  leader->transfer =
      Transfer{chosen, cause, now.mono + std::min(election_timeout_, limits::kTransferTimeout), false};
  continue_transfer(out);
  return true;
}

// What the target still lacks is on its way like any append; each of its answers comes by here.
void Raft::continue_transfer(Effects& out) {
  auto& leader = std::get<Leader>(role_);
  if (!leader.transfer || leader.transfer->told) return;
  if (leader.peers.at(leader.transfer->target).match() < log_.last_index()) return;
  leader.transfer->told = true;
  send(leader.transfer->target, TimeoutNow{leader.transfer->cause}, PersistId{}, out);
}

void Raft::on(Now now, const NodeId& from, Term, const TimeoutNow& m, Effects& out) {
  // Only the leader of this term may say so, and only to a follower that could be elected.
  if (leader() != from || is_leader() || !is_voter() || draining_) return;
  start_vote(now, false, m.cause, 0, out, true);
}

}  // namespace patronus
