// Scenarios of elections and commit, each shown to hold, and shown to fail when its protection is taken out.
#include <gtest/gtest.h>

#include "tests/mutant_guard.h"
#include "tests/raft_cluster.h"

namespace patronus::test::raft_scenarios_test {
namespace {

constexpr Duration kTimeout = RaftCluster::kTimeout;

size_t elect(RaftCluster& cluster) {
  cluster.run(2 * kTimeout);
  EXPECT_NE(cluster.leader(), SIZE_MAX);
  return cluster.leader();
}

bool granted(const std::vector<Send>& answers) {
  for (const Send& send : answers) {
    if (const auto* vote = std::get_if<VoteResponse>(&send.message.body)) return vote->granted;
  }
  return false;
}

VoteRequest request_with_log_of(Raft& raft) { return {raft.log().last_index(), raft.log().last_term()}; }

TEST(Elections, OneLeaderIsElectedAndReplicates) {
  RaftCluster cluster(5);
  const size_t leader = elect(cluster);
  ASSERT_TRUE(cluster.propose(leader, "x"));
  cluster.run(kTimeout);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(cluster.raft(i).commit(), cluster.raft(leader).log().last_index());
}

// Scenario 1 by silence alone: a leader that falls silent is replaced within the timeout and its narrow
// window.
TEST(Elections, ASilentLeaderIsReplacedWithinTheTimeoutAndAFewHundredMilliseconds) {
  RaftCluster cluster(3);
  const size_t first = elect(cluster);
  cluster[first].down = true;
  cluster.run(kTimeout + 300ms);
  ASSERT_NE(cluster.leader(), SIZE_MAX);
  EXPECT_NE(cluster.leader(), first);
}

// Scenario 8: whoever was promised a vote gets it kept, also across a crash.
bool votes_twice_across_a_crash() {
  RaftCluster cluster(3);
  const VoteRequest request = request_with_log_of(cluster.raft(0));
  EXPECT_TRUE(granted(cluster.tell(0, 1, Term{9}, request)));
  cluster.boot(0);
  return granted(cluster.tell(0, 2, Term{9}, request));
}
TEST(Scenario8, AVoteSurvivesACrash) {
  EXPECT_FALSE(votes_twice_across_a_crash());
  const MutantGuard guard(Mutant::kNoTermOnVote);
  EXPECT_TRUE(votes_twice_across_a_crash());
}
TEST(Scenario8, TheAnswerWaitsForTheVoteToBeOnDisk) {
  RaftCluster cluster(3);
  cluster[0].hold_writes = true;
  const std::vector<Send> answers = cluster.tell(0, 1, Term{9}, request_with_log_of(cluster.raft(0)));
  ASSERT_TRUE(granted(answers));
  ASSERT_FALSE(cluster[0].writes.empty());
  EXPECT_EQ(answers.back().after, cluster[0].writes.back().id);
  EXPECT_EQ(cluster[0].writes.back().hard->voted_for, RaftCluster::name(1));
}

// Scenario 9: a leader that steps down within its term has voted in it.
bool former_leader_votes_again() {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t other = (leader + 1) % 3;
  for (size_t i = 0; i < 3; ++i) {
    if (i != leader) cluster.cut(leader, i);
  }
  const Term term = cluster.raft(leader).term();
  // A second's silence makes it step down; its own pre-votes reach nobody, so the term stays.
  cluster.run(kTimeout + 100ms);
  EXPECT_FALSE(cluster.raft(leader).is_leader());
  EXPECT_EQ(cluster.raft(leader).term(), term);
  return granted(cluster.tell(leader, other, term, request_with_log_of(cluster.raft(leader))));
}
TEST(Scenario9, AStepDownKeepsTheVote) {
  EXPECT_FALSE(former_leader_votes_again());
  const MutantGuard guard(Mutant::kForgetVoteOnStepDown);
  EXPECT_TRUE(former_leader_votes_again());
}

// Paper, section 5.4.1: who has less can't win.
bool votes_for_a_shorter_log() {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  EXPECT_TRUE(cluster.propose(leader, "x"));
  cluster.run(kTimeout / 2);
  const size_t voter = (leader + 1) % 3;
  cluster[leader].down = true;
  cluster.cut(0, 1);
  cluster.cut(1, 2);
  cluster.cut(0, 2);
  cluster.run(2 * kTimeout);
  return granted(cluster.tell(voter, (leader + 2) % 3, Term{50}, VoteRequest{Index{1}, Term{1}}));
}
TEST(LogComparison, AShorterLogGetsNoVote) {
  EXPECT_FALSE(votes_for_a_shorter_log());
  const MutantGuard guard(Mutant::kVoteForShortLog);
  EXPECT_TRUE(votes_for_a_shorter_log());
}

// Scenario 12: a node that hears only one of two others does not depose the leader both of them have.
Term term_after_a_partial_cut() {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const Term before = cluster.raft(leader).term();
  cluster.cut(leader, (leader + 1) % 3);
  cluster.run(20 * kTimeout);
  return Term{cluster.raft((leader + 2) % 3).term().value - before.value};
}
TEST(Scenario12, APartlyConnectedNodeDoesNotDeposeTheLeader) {
  EXPECT_EQ(term_after_a_partial_cut(), Term{0});
  const MutantGuard guard(Mutant::kNoStickiness);
  EXPECT_GT(term_after_a_partial_cut(), Term{0});
}

// Scenario 10: two of three are left; one is at a much higher term, and one has the longer log.
bool elects_with_stale_terms(size_t high_term, size_t long_log) {
  RaftCluster cluster(3);
  cluster[2].down = true;
  cluster[high_term].disk.term = Term{9};
  cluster[long_log].log.push_back({Index{2}, Term{1}, EntryKind::kLeader, {}, Blob()});
  cluster.boot(0);
  cluster.boot(1);
  cluster.run(20 * kTimeout);
  return cluster.leader() == long_log;
}
TEST(Scenario10, ACandidateWithAStaleTermLearnsTheNewerOneFromARefusal) {
  EXPECT_TRUE(elects_with_stale_terms(0, 1));
  const MutantGuard guard(Mutant::kSilentPreVoteRefusal);
  EXPECT_FALSE(elects_with_stale_terms(0, 1));
}
// A voter that never campaigns, as one that is still empty, keeps its old term; its yes must count all the
// same.
bool a_stale_yes_counts() {
  RaftCluster cluster(3);
  cluster[0].down = true;
  cluster[2].down = true;
  cluster[1].disk.term = Term{9};
  cluster.boot(1);
  cluster.run(kTimeout);
  (void)cluster.tell(1, 0, Term{1}, PreVoteResponse{Term{10}, true});
  return cluster.raft(1).term() == Term{10};
}
TEST(Scenario10, AVoterWithAStaleTermCanSayYes) {
  EXPECT_TRUE(a_stale_yes_counts());
  const MutantGuard guard(Mutant::kIgnoreStaleVoter);
  EXPECT_FALSE(a_stale_yes_counts());
}

// Scenarios 12 and 13: a leader that can send but not receive does not keep renewing the others' patience.
bool replaced_when_deaf() {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  for (size_t i = 0; i < 3; ++i) {
    if (i != leader) cluster.cut_one_way(i, leader);
  }
  cluster.run(10 * kTimeout);
  return cluster.leader() != leader && cluster.leader() != SIZE_MAX;
}
TEST(Scenario13, ALeaderThatHearsNobodyStepsDown) {
  EXPECT_TRUE(replaced_when_deaf());
  const MutantGuard guard(Mutant::kNoCheckQuorum);
  EXPECT_FALSE(replaced_when_deaf());
}

// Scenario 14: all start at once.
bool elects_after_a_common_start() {
  RaftCluster cluster(5, false);
  cluster.run(4 * kTimeout);
  return cluster.leader() != SIZE_MAX;
}
TEST(Scenario14, ACommonStartElectsALeader) {
  EXPECT_TRUE(elects_after_a_common_start());
  // Without chance, those who vote for themselves at the same moment do so again and again.
  RaftCluster cluster(3, true);
  const MutantGuard guard(Mutant::kNoRandomTimeout);
  for (size_t i = 0; i < 3; ++i) cluster.boot(i);
  cluster.run(20 * kTimeout);
  EXPECT_EQ(cluster.leader(), SIZE_MAX);
}

// Scenario 16: figure 8 of the paper. An entry of an earlier term is on a majority, none of this term is yet.
Index commit_with_old_entry_on_a_majority() {
  RaftCluster cluster(3);
  const size_t first = elect(cluster);
  const Index committed = cluster.raft(first).commit();
  // The entry gets into one follower's log, but no acknowledgement comes back.
  cluster.passes = [](size_t, size_t, const Message& m) {
    return !std::holds_alternative<AppendResponse>(m.body);
  };
  EXPECT_TRUE(cluster.propose(first, "old"));
  cluster[first].down = true;
  const size_t second = (first + 1) % 3;
  const size_t third = (first + 2) % 3;
  cluster.run(3 * kTimeout);
  const size_t leader = cluster.leader();
  EXPECT_TRUE(leader == second || leader == third);
  if (leader == SIZE_MAX) return Index{};
  const Index old = committed.next();
  EXPECT_LT(*cluster.raft(leader).log().term_at(old), cluster.raft(leader).term());
  (void)cluster.tell(leader, leader == second ? third : second, cluster.raft(leader).term(),
                     AppendResponse{true, old, committed, Index{}, Term{}});
  return Index{cluster.raft(leader).commit().value - committed.value};
}
TEST(Scenario16, AnEntryOfAnEarlierTermIsNotCommittedByCounting) {
  EXPECT_EQ(commit_with_old_entry_on_a_majority(), Index{0});
  const MutantGuard guard(Mutant::kCommitOldTerm);
  EXPECT_EQ(commit_with_old_entry_on_a_majority(), Index{1});
}

// Scenario 18: the leader's own copy counts when it is on its disk, no sooner; also in a cluster of one.
Index commit_of_one_with_a_slow_disk() {
  RaftCluster cluster(1);
  cluster.run(2 * kTimeout);
  const Index before = cluster.raft(0).commit();
  cluster[0].hold_writes = true;
  EXPECT_TRUE(cluster.propose(0, "x"));
  return Index{cluster.raft(0).commit().value - before.value};
}
TEST(Scenario18, AClusterOfOneCommitsNothingBeforeItIsOnDisk) {
  EXPECT_EQ(commit_of_one_with_a_slow_disk(), Index{0});
  const MutantGuard guard(Mutant::kLeaderCountsUndurable);
  EXPECT_EQ(commit_of_one_with_a_slow_disk(), Index{1});
}

// Scenario 47: a disk that was wiped has promised nothing.
bool stranger_is_heard() {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const Term before = cluster.raft(leader).term();
  Effects effects;
  Message message{cluster.raft(leader).hard_state().cluster_id, Term{99}, VoteRequest{Index{90}, Term{90}}};
  const size_t other = (leader + 1) % 3;
  cluster.raft(leader).receive(cluster.now(), RaftCluster::name(other), Incarnation{4711}, std::move(message),
                               effects);
  Message answer{cluster.raft(leader).hard_state().cluster_id, Term{99}, VoteResponse{true, {}}};
  cluster.raft(leader).receive(cluster.now(), RaftCluster::name(other), Incarnation{4711}, std::move(answer),
                               effects);
  return cluster.raft(leader).term() != before;
}
TEST(Scenario47, AKnownIdWithAnUnknownIncarnationIsNotListenedTo) {
  EXPECT_FALSE(stranger_is_heard());
  const MutantGuard guard(Mutant::kIgnoreIncarnation);
  EXPECT_TRUE(stranger_is_heard());
}

// Scenario 49, at the follower: its disk was rolled back, and a heartbeat of the leader, who does not know,
// is still under way.
TEST(Scenario49, AHeartbeatCommitsNothingThatWasNotComparedSinceTheStart) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t other = (leader + 1) % 3;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cluster.propose(leader, "x"));
  cluster.run(kTimeout);
  const Raft& raft = cluster.raft(leader);
  const Index committed = raft.commit();
  ASSERT_EQ(cluster.raft(other).commit(), committed);
  // What is there instead was never committed by anybody.
  Entry stale = cluster[other].log.at(1);
  stale.payload = Blob("stale");
  cluster[other].log.resize(1);
  cluster[other].log.push_back(stale);
  cluster.cut(leader, other);
  cluster.boot(other);
  (void)cluster.tell(other, leader, raft.term(), Heartbeat{Round{99}, committed, committed, {}, {}, {}, {}});
  EXPECT_LE(cluster.raft(other).commit(), Index{1});
}

}  // namespace
}  // namespace patronus::test::raft_scenarios_test
