// Crash failover by link loss, and leadership transfer.
#include <gtest/gtest.h>

#include "core/raft/leader_record.h"
#include "tests/mutant_guard.h"
#include "tests/raft_cluster.h"

namespace patronus::test::raft_failover_test {
namespace {

constexpr Duration kTimeout = RaftCluster::kTimeout;

size_t elect(RaftCluster& cluster) {
  cluster.run(2 * kTimeout);
  EXPECT_NE(cluster.leader(), SIZE_MAX);
  return cluster.leader();
}

LeaderCause cause_of(const Raft& raft) {
  for (Index i = raft.log().last_index(); i > Index{}; i = i.prev()) {
    if (raft.log().at(i).kind != EntryKind::kLeader) continue;
    return decode_leader_record(raft.log().at(i).payload.view())->cause;
  }
  return LeaderCause::kStart;
}

void tell_gone(RaftCluster& cluster, size_t who, size_t peer, bool on_purpose = false) {
  cluster.step(who, [&](Raft& raft, Effects& out) {
    raft.peer_gone(cluster.now(), RaftCluster::name(peer), on_purpose, out);
  });
  cluster.deliver();
}

// Votes may come from processes that have ended since: whoever wins by them steps down in the same breath
// (simulator, seed 2221).
TEST(CrashFailover, ALeaderWhoseVotersAreGoneStepsDownAtItsBirth) {
  RaftCluster cluster(5);
  for (size_t i = 1; i < 5; ++i) cluster[i].down = true;
  while (std::get_if<Candidate>(&cluster.raft(0).role()) == nullptr) cluster.run(10ms);
  const Term next = cluster.raft(0).term().next();
  for (const size_t voter : {1U, 2U}) {
    (void)cluster.tell(0, voter, cluster.raft(0).term(), PreVoteResponse{next, true});
  }
  ASSERT_EQ(cluster.raft(0).term(), next);
  cluster.finish_writes(0);
  (void)cluster.tell(0, 1, next, VoteResponse{true, {}});
  for (const size_t gone : {1U, 3U, 4U}) tell_gone(cluster, 0, gone);
  (void)cluster.tell(0, 2, next, VoteResponse{true, {}});
  EXPECT_FALSE(cluster.raft(0).is_leader());
  EXPECT_EQ(cluster.raft(0).term(), next);
}

// Scenario 1: with the hint, a crashed leader is replaced in milliseconds, and history says why.
TEST(CrashFailover, AGoneLeaderIsReplacedLongBeforeTheTimeout) {
  for (const size_t size : {3U, 5U}) {
    RaftCluster cluster(size);
    const size_t first = elect(cluster);
    cluster[first].down = true;
    for (size_t i = 0; i < size; ++i) {
      if (i != first) tell_gone(cluster, i, first);
    }
    cluster.run(100ms);
    ASSERT_NE(cluster.leader(), SIZE_MAX);
    EXPECT_NE(cluster.leader(), first);
    EXPECT_EQ(cause_of(cluster.raft(cluster.leader())), LeaderCause::kCrash);
  }
}

// Only one follower knows at first: the other is loyal until it knows too, and then it does not take long.
TEST(CrashFailover, AVoterThatKnowsNothingStaysLoyalUntilItDoes) {
  RaftCluster cluster(3);
  const size_t first = elect(cluster);
  const size_t knows = (first + 1) % 3;
  const size_t late = (first + 2) % 3;
  cluster[first].down = true;
  tell_gone(cluster, knows, first);
  cluster.run(60ms);
  EXPECT_TRUE(cluster.leader() == SIZE_MAX || cluster[cluster.leader()].down);
  tell_gone(cluster, late, first);
  cluster.run(200ms);
  EXPECT_TRUE(cluster.leader() == knows || cluster.leader() == late);
}

// A hint that is wrong (a firewall that refuses, say) costs nothing while the leader is heard.
TEST(CrashFailover, AWrongHintIsTakenBackByTheLeadersNextWord) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const Term term = cluster.raft(leader).term();
  for (size_t i = 0; i < 3; ++i) {
    if (i != leader) tell_gone(cluster, i, leader);
  }
  EXPECT_TRUE(cluster.propose(leader, "still here"));
  cluster.run(10 * kTimeout);
  EXPECT_EQ(cluster.leader(), leader);
  EXPECT_EQ(cluster.raft(leader).term(), term);
}

// Scenario 12: a leader whose followers are gone learns at once that it has no majority.
TEST(CrashFailover, ALeaderThatLosesItsMajorityStepsDownAtOnce) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  tell_gone(cluster, leader, (leader + 1) % 3);
  EXPECT_TRUE(cluster.raft(leader).is_leader());
  tell_gone(cluster, leader, (leader + 2) % 3);
  EXPECT_FALSE(cluster.raft(leader).is_leader());
  const MutantGuard guard(Mutant::kNoCheckQuorum);
  RaftCluster other(3);
  const size_t stays = elect(other);
  tell_gone(other, stays, (stays + 1) % 3);
  tell_gone(other, stays, (stays + 2) % 3);
  EXPECT_TRUE(other.raft(stays).is_leader());
}

bool hand_over(RaftCluster& cluster, size_t leader, const NodeId& target) {
  bool begun = false;
  cluster.step(leader, [&](Raft& raft, Effects& out) {
    begun = raft.transfer(cluster.now(), target, LeaderCause::kTransfer, out);
  });
  cluster.deliver();
  return begun;
}

TEST(Transfer, LeadershipGoesToTheNamedMemberWithoutASingleTimeout) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t target = (leader + 2) % 3;
  ASSERT_TRUE(hand_over(cluster, leader, RaftCluster::name(target)));
  EXPECT_EQ(cluster.leader(), target);
  EXPECT_EQ(cause_of(cluster.raft(target)), LeaderCause::kTransfer);
  EXPECT_FALSE(cluster.raft(leader).is_leader());
}

TEST(Transfer, TheTargetFirstGetsWhatItLacks) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t target = (leader + 1) % 3;
  cluster[target].hold_writes = true;
  EXPECT_TRUE(cluster.propose(leader, "x"));
  ASSERT_TRUE(hand_over(cluster, leader, RaftCluster::name(target)));
  EXPECT_TRUE(cluster.raft(leader).is_handing_over());
  EXPECT_FALSE(cluster.propose(leader, "is left to the next leader"));
  cluster[target].hold_writes = false;
  cluster.finish_writes(target);
  EXPECT_EQ(cluster.leader(), target);
}

TEST(Transfer, IsGivenUpWhenTheTargetDoesNotTakeIt) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  cluster.passes = [](size_t, size_t, const Message& m) {
    return !std::holds_alternative<TimeoutNow>(m.body);
  };
  ASSERT_TRUE(hand_over(cluster, leader, NodeId{}));
  EXPECT_FALSE(cluster.propose(leader, "refused meanwhile"));
  cluster.run(kTimeout + 10ms);
  EXPECT_EQ(cluster.leader(), leader);
  EXPECT_TRUE(cluster.propose(leader, "and taken again"));
}

TEST(Transfer, GoesToNobodyWhoDrainsOrIsGone) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t drains = (leader + 1) % 3;
  cluster.step(drains, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), true, out); });
  cluster.deliver();
  tell_gone(cluster, leader, (leader + 2) % 3);
  EXPECT_FALSE(hand_over(cluster, leader, NodeId{}));
  EXPECT_FALSE(cluster.raft(leader).has_successor());
  EXPECT_FALSE(hand_over(cluster, leader, RaftCluster::name(drains)));
  EXPECT_TRUE(cluster.raft(leader).is_leader());
}

// A node that drains is not elected while another can be, and is when nobody else can.
TEST(Drain, IsTheLastToAskForVotes) {
  for (const bool other_is_there : {true, false}) {
    RaftCluster cluster(other_is_there ? 3 : 2);
    const size_t leader = elect(cluster);
    const size_t drains = leader == 0 ? 1 : 0;
    cluster.step(drains, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), true, out); });
    cluster.deliver();
    cluster[leader].down = true;
    tell_gone(cluster, drains, leader);
    if (other_is_there) {
      const size_t other = 3 - leader - drains;
      tell_gone(cluster, other, leader);
      cluster.run(200ms);
      EXPECT_EQ(cluster.leader(), other);
      continue;
    }
    cluster.run(2 * kTimeout);
    EXPECT_EQ(cluster.raft(drains).term(), cluster.raft(leader).term()) << "it waits";
    cluster.boot(leader);
    cluster.step(leader, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), true, out); });
    cluster.run(10 * kTimeout);
    EXPECT_NE(cluster.leader(), SIZE_MAX) << "all drain, and someone must lead";
  }
}

// A message that came late, of a leadership that has ended, moves nobody.
TEST(Transfer, ALateWordIsIgnored) {
  RaftCluster cluster(3);
  const size_t leader = elect(cluster);
  const size_t other = (leader + 1) % 3;
  const Term term = cluster.raft(other).term();
  (void)cluster.tell(other, (leader + 2) % 3, term, TimeoutNow{});
  (void)cluster.tell(other, leader, term.prev(), TimeoutNow{});
  EXPECT_EQ(cluster.raft(other).term(), term);
}

}  // namespace
}  // namespace patronus::test::raft_failover_test
