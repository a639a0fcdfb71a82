#include "core/raft/invariants.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/mutant.h"
#include "core/raft/raft.h"

namespace patronus {

void Invariants::check(const Raft& raft) {
  check_now(raft);
  if (any_) check_successor(raft);
  any_ = true;
  seen_ = {raft.hard_, raft.commit_, raft.applied_, raft.log_.last_index(), raft.is_leader()};
}

void Invariants::check_now(const Raft& raft) const {
  PATRONUS_ASSERT(raft.commit_ <= raft.log_.last_index(), "what is committed is in the log");
  PATRONUS_ASSERT(raft.log_.durable() <= raft.log_.last_index(), "what is durable is in the log");
  PATRONUS_ASSERT(raft.log_.base_index() <= raft.applied_, "only what is applied is cut");
  PATRONUS_ASSERT(raft.applied_ <= raft.commit_, "only what is committed is applied");
  PATRONUS_ASSERT(
      raft.applied_ <= raft.log_.durable() || MUTANT(kApplyUndurable) || MUTANT(kCheckpointUndurable),
      "only what is on disk here is applied here");
  PATRONUS_ASSERT(raft.log_.last_term() <= raft.hard_.term, "no entry is of a term not reached");
  PATRONUS_ASSERT(raft.log_.empty() || raft.hard_.cluster_id, "a node with a log belongs to a cluster");
  const Index configuration_at = raft.log_.configuration_index();
  PATRONUS_ASSERT(configuration_at <= raft.log_.base_index() ||
                      (configuration_at <= raft.log_.last_index() &&
                       raft.log_.at(configuration_at).kind == EntryKind::kConfiguration),
                  "the configuration in force is an entry of the log, or was before it was cut");
  PATRONUS_ASSERT(raft.hard_write_ <= raft.last_persist_, "writes are counted");
  if (const auto* candidate = std::get_if<Candidate>(&raft.role_)) {
    PATRONUS_ASSERT(raft.may_campaign(), "only voters campaign, and those that may still be needed");
    PATRONUS_ASSERT(!candidate->pre_vote || candidate->granted.contains(raft.self_),
                    "who asks would say yes");
    PATRONUS_ASSERT(candidate->pre_vote || raft.hard_.voted_for == raft.self_,
                    "a candidate's vote is its own");
  }
  if (const auto* leader = std::get_if<Leader>(&raft.role_)) {
    PATRONUS_ASSERT(raft.hard_.voted_for == raft.self_, "a leader voted for itself");
    for (const Member& member : raft.log_.configuration()->members) {
      PATRONUS_ASSERT(member.id == raft.self_ || leader->peers.contains(member.id),
                      "a leader follows every member");
    }
    PATRONUS_ASSERT(leader->first_index <= raft.log_.last_index(), "a leader opens its term with an entry");
    for (const auto& [id, progress] : leader->peers) {
      PATRONUS_ASSERT(progress.match() <= raft.log_.last_index(), "a follower matches what exists");
      PATRONUS_ASSERT(progress.next() > progress.match(), "what matches is not sent again");
      PATRONUS_ASSERT(progress.next() <= raft.log_.last_index().next(), "what does not exist is not sent");
    }
  }
}

void Invariants::check_successor(const Raft& raft) const {
  PATRONUS_ASSERT(raft.hard_.term >= seen_.hard.term, "terms never go back");
  PATRONUS_ASSERT(raft.commit_ >= seen_.commit, "what was committed stays committed");
  PATRONUS_ASSERT(raft.applied_ >= seen_.applied, "what was applied stays applied");
  PATRONUS_ASSERT(!seen_.hard.cluster_id || raft.hard_.cluster_id == seen_.hard.cluster_id,
                  "a node never changes its cluster");
  if (raft.hard_.term == seen_.hard.term) {
    PATRONUS_ASSERT(seen_.hard.voted_for.empty() || raft.hard_.voted_for == seen_.hard.voted_for ||
                        MUTANT(kVoteTwice) || MUTANT(kForgetVoteOnStepDown),
                    "a vote is given once a term");
    PATRONUS_ASSERT(!seen_.leader || !raft.is_leader() || raft.log_.last_index() >= seen_.last,
                    "a leader only appends");
    PATRONUS_ASSERT(seen_.leader || !raft.is_leader() || seen_.hard.voted_for == raft.self_ ||
                        seen_.hard.voted_for.empty(),
                    "who voted for another does not lead in that term");
  }
}

}  // namespace patronus
