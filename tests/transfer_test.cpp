// What keeps leadership from going where it is asked to go.
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/raft_cluster.h"

namespace patronus::test::transfer_test {
namespace {

constexpr Duration kTimeout = RaftCluster::kTimeout;

class TransferObstacle : public ::testing::Test {
 protected:
  TransferObstacle() : cluster(3) {
    cluster.run(2 * kTimeout);
    leader = cluster.leader();
    EXPECT_NE(leader, SIZE_MAX);
    cluster.run(2 * kTimeout);
    other = (leader + 1) % 3;
    third = (leader + 2) % 3;
  }
  std::optional<TransferFailure> obstacle(const NodeId& target) {
    return cluster.raft(leader).transfer_obstacle(cluster.now(), target);
  }

  RaftCluster cluster;
  size_t leader = SIZE_MAX;
  size_t other = 0;
  size_t third = 0;
};

TEST_F(TransferObstacle, ThereIsNoneToAVoterThatIsThere) {
  EXPECT_FALSE(obstacle(RaftCluster::name(other)));
  EXPECT_FALSE(obstacle(NodeId{}));
}

TEST_F(TransferObstacle, WhoLeadsAndWhoIsUnknownIsTold) {
  EXPECT_EQ(obstacle(RaftCluster::name(leader)), TransferFailure::kLeadsAlready);
  EXPECT_EQ(obstacle("nobody"), TransferFailure::kUnknownNode);
  EXPECT_EQ(cluster.raft(other).transfer_obstacle(cluster.now(), NodeId{}), TransferFailure::kNotYet);
}

TEST_F(TransferObstacle, WhoDrainsTakesNothing) {
  cluster.step(other, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), true, out); });
  cluster.deliver();
  EXPECT_EQ(obstacle(RaftCluster::name(other)), TransferFailure::kDraining);
  EXPECT_FALSE(obstacle(NodeId{})) << "the third may";
  cluster.step(third, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), true, out); });
  cluster.deliver();
  EXPECT_EQ(obstacle(NodeId{}), TransferFailure::kNobody);
  cluster.step(third, [&](Raft& raft, Effects& out) { raft.set_draining(cluster.now(), false, out); });
  cluster.deliver();
  EXPECT_FALSE(obstacle(RaftCluster::name(third)));
}

// Who is to lead must have a vote still, or at last, when a change of the configuration is done.
TEST_F(TransferObstacle, WhoLeavesTakesNothing) {
  ASSERT_TRUE(cluster.change(leader, cluster.with(leader, other, Standing::kLeaving)));
  EXPECT_EQ(obstacle(RaftCluster::name(other)), TransferFailure::kNotVoter);
  EXPECT_FALSE(obstacle(NodeId{})) << "the third may";
  EXPECT_FALSE(obstacle(RaftCluster::name(third)));
}

TEST(TransferToALearner, IsRefusedUntilItJoins) {
  RaftCluster cluster(4, false, {}, 3);
  cluster.run(4 * kTimeout);
  const size_t leader = cluster.leader();
  ASSERT_LT(leader, 3U);
  const NodeId newcomer = RaftCluster::name(3);
  ASSERT_TRUE(cluster.change(leader, cluster.with(leader, 3, Standing::kLearner)));
  cluster.run(2 * kTimeout);
  EXPECT_EQ(cluster.raft(leader).transfer_obstacle(cluster.now(), newcomer), TransferFailure::kNotVoter);
  ASSERT_TRUE(cluster.change(leader, cluster.with(leader, 3, Standing::kJoining)));
  EXPECT_FALSE(cluster.raft(leader).transfer_obstacle(cluster.now(), newcomer));
  cluster.step(leader, [&](Raft& raft, Effects& out) {
    EXPECT_TRUE(raft.transfer(cluster.now(), newcomer, LeaderCause::kForced, out));
  });
  cluster.deliver();
  EXPECT_EQ(cluster.leader(), 3U);
}

TEST_F(TransferObstacle, WhoIsNotHeardIsUnhealthy) {
  cluster.cut(leader, other);
  cluster.run(kTimeout + 200ms);
  ASSERT_TRUE(cluster.raft(leader).is_leader());
  EXPECT_EQ(obstacle(RaftCluster::name(other)), TransferFailure::kUnhealthy);
  EXPECT_FALSE(obstacle(NodeId{}));
}

TEST_F(TransferObstacle, WhoLacksTooMuchIsLeftToCatchUp) {
  cluster[other].hold_writes = true;
  for (uint64_t i = 0; i <= limits::kTransferLagEntriesMax; ++i) ASSERT_TRUE(cluster.propose(leader, "x"));
  EXPECT_EQ(obstacle(RaftCluster::name(other)), TransferFailure::kLagging);
  cluster[other].hold_writes = false;
  cluster.finish_writes(other);
  cluster.run(kTimeout);
  EXPECT_FALSE(obstacle(RaftCluster::name(other)));
}

// A leader of a moment ago has heard nobody yet: that is no reason to refuse for good.
TEST(TransferTooEarly, IsAskedAgain) {
  RaftCluster cluster(3);
  cluster.passes = [](size_t, size_t, const Message& m) {
    return !std::holds_alternative<AppendResponse>(m.body) &&
           !std::holds_alternative<HeartbeatResponse>(m.body);
  };
  while (cluster.leader() == SIZE_MAX) cluster.run(10ms);
  const size_t leader = cluster.leader();
  const NodeId target = RaftCluster::name((leader + 1) % 3);
  EXPECT_EQ(cluster.raft(leader).transfer_obstacle(cluster.now(), target), TransferFailure::kNotYet);
  EXPECT_EQ(cluster.raft(leader).transfer_obstacle(cluster.now(), {}), TransferFailure::kNotYet);
}

}  // namespace
}  // namespace patronus::test::transfer_test
