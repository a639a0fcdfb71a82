#include "core/raft/raft.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

Raft::Raft(const Boot& boot, Now now)
    : self_(boot.id),
      incarnation_(boot.incarnation),
      lost_cluster_(boot.lost_cluster),
      election_timeout_(boot.election_timeout),
      heartbeat_interval_(boot.heartbeat_interval),
      paper_elections_(boot.paper_elections),
      random_(boot.seed),
      hard_(boot.hard),
      log_(boot.entries, boot.state.base()),
      persist_bytes_max_(boot.persist_bytes_max),
      retention_(boot.retention),
      commit_(boot.state.applied()),
      applied_(boot.state.applied()),
      leader_commit_(boot.state.applied()),
      freshness_(now.mono),
      priority_(boot.leader_priority),
      reserve_(boot.log_reserve),
      process_(boot.seed) {
  PATRONUS_ASSERT(is_node_id(self_) && incarnation_, "the shell checks identity before it boots the core");
  PATRONUS_ASSERT(log_.last_term() <= hard_.term, "recovery never gives a term below the log's");
  PATRONUS_ASSERT(heartbeat_interval_ * 5 <= election_timeout_,
                  "the shell checks timing before it boots the core");
  last_leader_contact_ = now.mono;
  // Nobody has heard of a leader yet, so there is no need to wait a whole timeout; the pre-vote of a node
  // that merely came back is refused by those who do hear one.
  election_deadline_ = now.mono + election_window() + random_.duration_below(election_window());
}

const NodeId& Raft::leader() const {
  static const NodeId kNone;
  if (is_leader()) return self_;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->leader;
  return kNone;
}

bool Raft::is_voter() const {
  return log_.configuration() != nullptr && log_.configuration()->is_voter(self_, incarnation_);
}

bool Raft::may_campaign() const {
  if (is_voter()) return true;
  const Configuration* latest = log_.configuration();
  if (latest == nullptr || latest->find(self_) != nullptr || MUTANT(kOutsiderKeepsQuiet)) return false;
  return log_.may_vote(self_, incarnation_, commit_);
}

bool Raft::is_member(const NodeId& id, Incarnation incarnation) const {
  return log_.configuration() != nullptr && log_.configuration()->is_member(id, incarnation);
}

void Raft::tick(Now now, Effects& out) {
  if (auto* leader = std::get_if<Leader>(&role_)) {
    if (leader->transfer && (now.mono >= leader->transfer->deadline || BUGGIFY(kTransferTimesOut)))
      leader->transfer.reset();
    if (now.mono >= leader->next_tick) lead(now, out);
    if (is_leader()) retire(now, out);
    return;
  }
  if (now.mono < election_deadline_ || !may_campaign() || is_abstaining()) return;
  const auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate != nullptr) {
    start_vote(now, !paper_elections_, candidate->cause, candidate->attempt + 1, out);
  } else {
    const auto gone = gone_.find(leader());
    const LeaderCause otherwise = had_leader_contact_ ? LeaderCause::kTimeout : LeaderCause::kStart;
    campaign(now, gone != gone_.end() ? gone->second : otherwise, out);
  }
}

Instant Raft::deadline() const {
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    return leader->transfer ? std::min(leader->next_tick, leader->transfer->deadline) : leader->next_tick;
  }
  return may_campaign() && !is_abstaining() ? election_deadline_ : Instant::never();
}

void Raft::persist_hard(Effects& out) { hard_write_ = persist_aside(out); }

PersistId Raft::persist_aside(Effects& out) {
  last_persist_ = last_persist_.next();
  out.emplace_back(Persist{last_persist_, hard_, {}});
  return last_persist_;
}

void Raft::send(const NodeId& to, MessageBody body, PersistId after, Effects& out) {
  if (MUTANT(kSendBeforeDurable)) after = PersistId{};
  const PersistId gate = MUTANT(kSendBeforeDurable) ? PersistId{} : std::max(after, hard_write_);
  out.emplace_back(Send{to, Message{hard_.cluster_id, hard_.term, std::move(body)}, gate});
}

bool Raft::accepts(const NodeId& from, Incarnation incarnation, const Message& message, Effects& out) {
  if (!message.cluster_id) return false;
  // A node whose disk was damaged has belonged to a cluster, and what another one founds is not that.
  if (!hard_.cluster_id && lost_cluster_ && message.cluster_id != lost_cluster_) return false;
  if (hard_.cluster_id && message.cluster_id != hard_.cluster_id) {
    out.emplace_back(Notice{NoticeKind::kStranger, "message of another cluster from " + from});
    return false;
  }
  // Whoever asks for a vote, or leads, has a vote by its own log. A node whose log is behind may not know
  // that one yet, and if it refused, those who are left might never elect a leader.
  if (is_request(message.body)) return true;
  // An answer is a promise, and only members' promises count: a wiped disk under a known name has an unknown
  // incarnation, and has forgotten what it promised.
  if (is_member(from, incarnation) || is_departing(from, incarnation)) return true;
  if (log_.configuration() == nullptr) return false;
  return MUTANT(kIgnoreIncarnation) && log_.configuration()->find(from) != nullptr;
}

void Raft::receive(Now now, const NodeId& from, Incarnation incarnation, Message&& message, Effects& out) {
  if (!accepts(from, incarnation, message, out)) return;
  speaker_ = incarnation;
  // Whoever speaks is not gone.
  gone_.erase(from);
  const bool pre_vote = std::holds_alternative<PreVoteRequest>(message.body);
  const auto* vote = std::get_if<VoteRequest>(&message.body);
  // A voter that hears its leader does not let a partly connected node depose it (thesis, section 4.2.3),
  // unless the leader itself wants to hand over.
  if (vote != nullptr && !vote->transfer && message.term > hard_.term && leader_is_near(now)) return;
  if (!hard_.cluster_id) {
    // A node that has nothing joins with the first message, before it promises anything in the cluster.
    hard_.cluster_id = message.cluster_id;
    persist_hard(out);
  }
  if (message.term > hard_.term && !pre_vote) {
    const bool from_leader = std::holds_alternative<AppendRequest>(message.body) ||
                             std::holds_alternative<Heartbeat>(message.body);
    become_follower(now, message.term, from_leader ? from : NodeId{}, out);
  }
  // A voter with a stale term may still say yes to the term it was asked about, so its answer counts.
  const bool pre_vote_answer =
      std::holds_alternative<PreVoteResponse>(message.body) && !MUTANT(kIgnoreStaleVoter);
  if (message.term < hard_.term && !pre_vote && !pre_vote_answer && !MUTANT(kHeedOldTerm)) {
    handle_lower_term(from, message, out);
    return;
  }
  const Term term = message.term;
  std::visit(
      [&](auto& body) {
        if constexpr (requires { on(now, from, term, body, out); }) {
          on(now, from, term, body, out);
        } else {
          PATRONUS_ASSERT(is_of_the_node(message.body), "the node keeps its own messages for itself");
        }
      },
      message.body);
}

void Raft::handle_lower_term(const NodeId& from, const Message& message, Effects& out) {
  // The sender learns of the newer term from the answer's envelope. Without an answer to a leader of an older
  // term, a node that once reached a higher term alone could never come back.
  if (std::holds_alternative<VoteRequest>(message.body)) {
    send(from, VoteResponse{false, {}}, PersistId{}, out);
  } else if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    send(from, AppendResponse{false, Index{}, append->prev_index, Index{}, Term{}}, PersistId{}, out);
  } else if (std::holds_alternative<Heartbeat>(message.body)) {
    send(from, HeartbeatResponse{}, PersistId{}, out);
  }
}

void Raft::link_up(Now now, const NodeId& peer, Effects& out) {
  gone_.erase(peer);
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  const auto at = leader->peers.find(peer);
  if (at == leader->peers.end()) return;
  at->second.relink();
  replicate(now, peer, at->second, out);
}

void Raft::persisted(Now now, PersistId id, Effects& out) {
  PATRONUS_ASSERT(id <= last_persist_, "only writes that were asked for are done");
  log_.persisted(id);
  if (id >= life_write_) told_ = hard_.lives;
  if (is_leader()) maybe_commit(now, out);
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate != nullptr && !candidate->pre_vote && id >= hard_write_) {
    candidate->granted.insert(self_);
    count_votes(now, out);
  }
}

std::vector<ReadReady> Raft::take_ready_reads() { return std::exchange(ready_reads_, {}); }
std::vector<ReadTicket> Raft::take_failed_reads() { return std::exchange(failed_reads_, {}); }

std::vector<MemberView> Raft::members(Now now) const {
  const Configuration* configuration = log_.configuration();
  if (configuration == nullptr) return {};
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return told_members_;
  std::vector<MemberView> views;
  for (const Member& member : configuration->members) {
    if (member.id == self_) {
      views.push_back({self_, true, log_.durable(), applied_, 0, draining_, room(), own_life()});
      continue;
    }
    const Progress& progress = leader->peers.at(member.id);
    const Duration silence = now.mono - progress.last_contact();
    views.push_back({member.id, progress.heard() && silence < election_timeout_, progress.match(),
                     progress.applied(), progress.heard() ? in_ms(silence) : -1, progress.draining(),
                     progress.room(), kept_life(member.incarnation)});
  }
  return views;
}

}  // namespace patronus
