// Elections: pre-vote, votes, and the narrow window in which timeouts are drawn.
#include <algorithm>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/leader_record.h"
#include "core/raft/quorum.h"
#include "core/raft/raft.h"

namespace patronus {

// Wide enough that two followers seldom time out within one exchange of votes, and no wider: a silent leader
// is replaced within the timeout plus this.
Duration Raft::election_window() const {
  if (paper_elections_) return *paper_elections_;
  return std::clamp<Duration>(election_timeout_ / 10, limits::kElectionWindowMin, limits::kElectionWindowMax);
}

void Raft::reset_election_deadline(Now now) {
  election_deadline_ = now.mono + election_timeout_;
  if (!MUTANT(kNoRandomTimeout) && !BUGGIFY(kEqualTimeouts))
    election_deadline_ = election_deadline_ + random_.duration_below(election_window());
  // One that drains leaves it to the others, unless they can't: its log may be the only one that is whole.
  if (draining_) election_deadline_ = election_deadline_ + 2 * election_timeout_;
}

// True while this node leads, or heard its leader within the smallest timeout an honest candidate waits.
bool Raft::leader_is_near(Now now) const {
  if (MUTANT(kNoStickiness)) return false;
  if (is_leader()) return true;
  const auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || follower->leader.empty() || gone_.contains(follower->leader)) return false;
  return now.mono - last_leader_contact_ < election_timeout_;
}

// How long a candidate waits for answers before it asks again, doubled with each attempt. After a crash
// nobody waits for a silent leader to come back: those who can vote know as much as the candidate, or will in
// a moment.
Duration Raft::candidate_patience(LeaderCause cause, uint32_t attempt) const {
  if (paper_elections_) return election_timeout_;
  const bool leader_is_gone = cause == LeaderCause::kCrash || cause == LeaderCause::kDrain;
  if (!leader_is_gone) return election_window();
  return std::min<Duration>(limits::kCrashRetry * (int64_t{1} << std::min(attempt, 5U)), election_window());
}

void Raft::campaign(Now now, LeaderCause cause, Effects& out) {
  start_vote(now, !paper_elections_, cause, 0, out);
}

void Raft::start_vote(Now now, bool pre_vote, LeaderCause cause, uint32_t attempt, Effects& out,
                      bool handed_over) {
  // A pre-vote promises nothing; a vote counts, also one's own, once it is on disk (see persisted()).
  role_ = Candidate{pre_vote, attempt, cause, {}, {}};
  if (pre_vote) {
    std::get<Candidate>(role_).granted.insert(self_);
  } else {
    hard_.term = hard_.term.next();
    hard_.voted_for = self_;
    ++counters_.elections_started;
    persist_hard(out);
  }
  // Those who collide draw again from a window that doubles, up to the timeout itself.
  const Duration patience = candidate_patience(cause, attempt);
  const Duration widened = paper_elections_
                               ? *paper_elections_
                               : std::min<Duration>(patience * (int64_t{1} << std::min(attempt, 5U)),
                                                    std::max(election_timeout_, election_window()));
  election_deadline_ = now.mono + patience;
  if (!MUTANT(kNoRandomTimeout)) election_deadline_ = election_deadline_ + random_.duration_below(widened);
  for (const Member& member : log_.configuration()->members) {
    if (member.id == self_ || !member.votes()) continue;
    if (pre_vote) {
      send(member.id, PreVoteRequest{hard_.term.next(), log_.last_index(), log_.last_term()}, PersistId{},
           out);
    } else {
      send(member.id, VoteRequest{log_.last_index(), log_.last_term(), handed_over}, PersistId{}, out);
    }
  }
  count_votes(now, out);
}

void Raft::count_votes(Now now, Effects& out) {
  const auto& candidate = std::get<Candidate>(role_);
  const bool won = quorum::has_majority(*log_.configuration(),
                                        [&](const Member& m) { return candidate.granted.contains(m.id); });
  if (!won) return;
  if (candidate.pre_vote) {
    start_vote(now, false, candidate.cause, candidate.attempt, out);
  } else {
    become_leader(now, candidate.cause, out);
  }
}

void Raft::become_follower(Now now, Term term, const NodeId& leader, Effects& out) {
  PATRONUS_ASSERT(term >= hard_.term, "terms never go back");
  const bool led = is_leader();
  if (led) {
    fail_reads();
    // Time goes on from where this leader had it until another tells.
    told_stamp_ = stamp(now);
    told_at_ = now.mono;
  }
  if (term > hard_.term || MUTANT(kForgetVoteOnStepDown)) {
    hard_.term = term;
    // Within a term the vote stands, whatever this node becomes.
    hard_.voted_for.clear();
    persist_hard(out);
  }
  // A candidate that learns of a newer term without a leader keeps its own short deadline: were it to wait
  // the whole timeout, a rival with a shorter log, who can't win, could hold up the election by asking.
  if (led) reset_election_deadline(now);
  role_ = Follower{leader};
}

void Raft::become_leader(Now now, LeaderCause cause, Effects& out) {
  Leader leader;
  for (const Member& member : log_.configuration()->members) {
    if (member.id != self_) leader.peers.emplace(member.id, Progress(log_.last_index().next(), now.mono));
  }
  for (const auto& [peer, offset] : std::get<Candidate>(role_).wall_offsets_ms) {
    const auto at = leader.peers.find(peer);
    if (at != leader.peers.end()) at->second.set_wall_offset_ms(offset);
  }
  // Wall time went on while nobody led, as far as this node was told of it.
  Stamp last = log_.last_stamp();
  if (told_stamp_ != Stamp{}) last.wall_ms = cluster_stamp(now).wall_ms;
  leader.clock = LeaderClock(last, now.mono, election_timeout_);
  leader.first_index = log_.last_index().next();
  leader.next_tick = now.mono;
  leader.since = now.mono;
  role_ = std::move(leader);
  had_leader_contact_ = true;
  last_leader_contact_ = now.mono;
  // The term's first entry carries everything before it over the line (paper, section 5.4.2 and 8).
  append_own(now, EntryKind::kLeader, Blob(encode_leader_record({self_, cause})), out);
  lead(now, out);
  // Of those who voted so many may be known to be gone that it could not but step down.
  if (is_leader()) maybe_commit(now, out);
}

bool Raft::is_new_enough(Term last_term, Index last_index) const {
  if (at_least_as_new(last_term, last_index, log_.last_term(), log_.last_index())) return true;
  const Configuration* latest = log_.configuration();
  const Member* self = latest == nullptr ? nullptr : latest->find(self_);
  return self != nullptr && self->incarnation == incarnation_ && self->standing == Standing::kLearner &&
         !MUTANT(kLearnerComparesLogs);
}

void Raft::on(Now now, const NodeId& from, Term, const PreVoteRequest& m, Effects& out) {
  // The answer's envelope carries this node's own term, so that a candidate with a stale term catches up even
  // from a refusal; a voter with a stale term may still say yes, for the term it was asked about.
  const bool grant = m.next_term > hard_.term && !leader_is_near(now) && !is_abstaining() &&
                     is_new_enough(m.last_term, m.last_index);
  if (!grant && MUTANT(kSilentPreVoteRefusal)) return;
  send(from, PreVoteResponse{m.next_term, grant}, PersistId{}, out);
}

void Raft::on(Now now, const NodeId& from, Term, const PreVoteResponse& m, Effects& out) {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || !candidate->pre_vote || !m.granted || m.next_term != hard_.term.next()) return;
  candidate->granted.insert(from);
  count_votes(now, out);
}

void Raft::on(Now now, const NodeId& from, Term, const VoteRequest& m, Effects& out) {
  const bool same_again = hard_.voted_for == from && voted_incarnation_ == speaker_;
  const bool free_to_vote = hard_.voted_for.empty() || same_again || MUTANT(kVoteTwice);
  const bool new_enough = is_new_enough(m.last_term, m.last_index) || MUTANT(kVoteForShortLog);
  const bool grant = free_to_vote && new_enough && !is_leader() && leader().empty() && !is_abstaining();
  if (grant && hard_.voted_for != from) {
    hard_.voted_for = from;
    voted_incarnation_ = speaker_;
    if (!MUTANT(kNoTermOnVote)) persist_hard(out);
  }
  if (grant) reset_election_deadline(now);
  send(from, VoteResponse{grant, now.wall}, PersistId{}, out);
}

void Raft::on(Now now, const NodeId& from, Term, const VoteResponse& m, Effects& out) {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || candidate->pre_vote || !m.granted) return;
  candidate->granted.insert(from);
  candidate->wall_offsets_ms[from] = offset_ms(m.wall, now.wall);
  count_votes(now, out);
}

}  // namespace patronus
