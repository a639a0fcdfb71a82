// One-line protocol mutants: each takes one protection out, and the simulator must notice. They exist only
// in builds with PATRONUS_MUTANTS; elsewhere MUTANT(x) is the constant false and leaves no trace.
#pragma once

#include <string_view>
#include <vector>

namespace patronus {

enum class Mutant {
  kNone,
  kSendBeforeDurable,      // messages leave before the write they depend on
  kForgetVoteOnStepDown,   // a step-down within a term clears the vote
  kVoteTwice,              // a vote is given to whoever asks
  kVoteForShortLog,        // logs are not compared
  kSilentPreVoteRefusal,   // a refused pre-vote is not answered, so nobody learns of a newer term
  kNoCheckQuorum,          // a leader that hears nobody goes on
  kNoStickiness,           // voters let anyone depose a leader they hear
  kCommitOldTerm,          // entries of earlier terms commit by counting
  kAckAba,                 // truncation leaves writes under way vouching for what replaced them
  kLeaderCountsUndurable,  // the leader counts its own entries before they are on disk
  kApplyUndurable,         // committed entries are applied before they are on disk here
  kReadWithoutRound,       // linearizable reads skip the round of heartbeats
  kReadBeforeTermCommit,   // linearizable reads are served before the term's first commit
  kNoDeduplication,        // a write that comes through the log twice is applied twice
  kSequenceFromZero,       // write sequences start again after a restart
  kIgnoreIncarnation,      // a wiped node votes under its old name
  kFoundWithMajority,      // a majority of empty nodes founds a cluster
  kCutCorruption,          // recovery cuts the log at any damage
  kNoRandomTimeout,        // elections are not spread in time
  kAppendWithoutCheck,     // a follower appends without comparing the previous entry
  kForgetPendingWrites,    // a write whose leader was lost is not sent to the next one
  kIgnoreStaleVoter,       // a pre-vote of a voter with an older term does not count
  kNoTermOnVote,           // a vote is given without being written down
  kNoCheckAtApply,         // a write's session and role are checked only by the node that took it
  kNoRefreshGrace,         // of two tabs that refresh at once one is logged out
  kNoReuseDetection,       // a refresh token that was used long ago is merely refused
  kLeaseCountsPause,       // the time in which a leader's process was stopped counts for leases
  kVouchForEver,           // a node that is cut off goes on judging tokens
  kExpireByProposer,       // sessions expire by the leader's opinion rather than by the log
  kCheckpointUndurable,    // the image takes what this node's own log does not have on disk
  kCutBeforeCheckpoint,    // the log is cut before a durable image holds what it made
  kCountOneMajority,       // a joint configuration needs the majority of the incoming voters only
  kChangeBeforeOwnTerm,    // a leader changes the configuration before it committed an entry of its term
  kKeepTruncatedConfig,    // a configuration that was truncated away stays in force
  kLearnerCounts,          // learners vote and count
  kPromoteAtOnce,          // a learner becomes a voter without having caught up
  kLearnerComparesLogs,    // a learner refuses those who count on its vote, if its own log is newer
  kOutsiderKeepsQuiet,     // whom its log has taken out does not campaign, though that is not committed
  kRemoveUnguarded,        // nodes are removed whatever becomes of the majority
  kFetchOlder,             // a state is fetched that is older than the one that is here
  kTrustOldDisk,           // a disk that went back in time is taken for what it was
  kFillTheDisk,            // a full disk is filled to the last byte
  kForgetPromises,         // a log that begins anew after an installed state forgets whom it gave its vote
  kCommitByOneLess,        // one voter less than a majority commits
  kElectByOneLess,         // one voter less than a majority elects
  kReadBehindIndex,        // a read is answered before what it must see is applied
  kReadAtApplied,          // a leader reads by what it has applied rather than by what is committed
  kKeepDeleted,            // a deletion is answered and not done
  kForgetKeyedAnswers,     // a write that is tried again under its key is done again
  kAnswerForOthers,        // a node takes the result of another one's write for that of its own
  kEndNoSession,           // a logout is answered and not done
  kForgetWindowRow,        // which writes were applied does not get into the image
  kForgetSessionRow,       // sessions do not get into the image
  kNoCopyOnWrite,          // a checkpoint mixes rows of several moments
  kImageBeforeItsEnd,      // the log is cut by an image of which only a part is there
  kHeedOldTerm,            // what a leader or a voter of an earlier term says still counts
  kTruncateAlways,         // an append that comes late cuts what came after it
  kForgetErasedRow,        // what was deleted stays in the image
  kForgetKeyedRow,         // kept answers do not get into the image
  kForgetMemberRow,        // who belongs does not get into the image
  kForgetLives,            // what is known of others' disks is forgotten with a restart
  kIgnoreExpected,         // a write that names the revision it expects is done whatever is there
  kNoRotation,             // a refresh gives the same refresh token again
  kForgetStagedRow,        // what is staged to be restored does not get into the image
  kForgetRestoredRow,      // what a restore deletes stays in the image
  kRestoreUnchecked,       // a restore is finished with whatever was staged
  kRestoreKeepsOthers,     // keys that a snapshot lacks outlive its restore
  kForgetTableRow,         // what the dashboard shows does not get into the image
  kIgnoreTakenName,        // two sites may have one name
  kKeepStagedRows,         // what a restore has staged stays in memory
  kGiveUnchecked,          // a copy of a damaged image is given away
  kKeepWholeLog,           // what a durable image holds is not cut from the log
  kOfferAtOnce,            // a member without room is offered entries again as soon as it has refused them
};

#ifdef PATRONUS_MUTANTS
extern Mutant active_mutant;
#define MUTANT(name) (::patronus::active_mutant == ::patronus::Mutant::name)
// The mutant of this name, or kNone.
Mutant mutant_by_name(std::string_view name);
// All names, without none.
std::vector<std::string_view> mutant_names();
#else
#define MUTANT(name) false
#endif

}  // namespace patronus
