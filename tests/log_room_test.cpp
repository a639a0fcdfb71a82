// A full disk (scenario 42), for consensus alone: what is still taken, by whom, and what is kept for terms
// and votes.
#include "core/raft/log_room.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "mutant_guard.h"
#include "raft_cluster.h"

namespace patronus::test::log_room_test {
namespace {

constexpr LogReserve kReserve{limits::kLogMarginBytes, limits::kLogReserveBytes};

TEST(LogRoom, IsPlentyUntilADiskIsFull) {
  EXPECT_EQ(log_room(std::nullopt, kReserve), LogRoom::kPlenty);
  EXPECT_EQ(log_room(kReserve.margin, kReserve), LogRoom::kLow);
  EXPECT_EQ(log_room(kReserve.margin - 1, kReserve), LogRoom::kNone);
  EXPECT_EQ(log_room(0, kReserve), LogRoom::kNone);
}

TEST(LogRoom, SmallSegmentsKeepASmallReserve) {
  const LogReserve whole = log_reserve(limits::kWalSegmentBytes);
  EXPECT_EQ(whole.margin, limits::kLogMarginBytes);
  EXPECT_EQ(whole.reserve, limits::kLogReserveBytes);
  const LogReserve small = log_reserve(8 * limits::kKiB);
  EXPECT_LT(small.reserve, small.margin);
  EXPECT_LE(small.margin, 2 * limits::kKiB);
}

class FullDisk : public ::testing::Test {
 protected:
  FullDisk() : cluster_(3) {
    cluster_.run(3 * RaftCluster::kTimeout);
    leader_ = cluster_.leader();
    other_ = (leader_ + 1) % 3;
    third_ = (leader_ + 2) % 3;
    tell();
  }
  Proposed propose() {
    Proposed proposed = Proposed::kNotLeader;
    cluster_.step(leader_, [&](Raft& raft, Effects& out) {
      proposed = raft.propose(cluster_.now(), EntryKind::kCommand, Blob(std::string(1000, 'x')), out);
    });
    cluster_.deliver();
    return proposed;
  }
  // Everybody has told the leader how it stands.
  void tell() { cluster_.run(RaftCluster::kTimeout / 2); }

  RaftCluster cluster_;
  size_t leader_ = 0;
  size_t other_ = 0;
  size_t third_ = 0;
};

TEST_F(FullDisk, ALeaderTakesWritesWhileThereIsRoomLeft) {
  cluster_[leader_].raft->set_log_room(kReserve.margin);
  EXPECT_EQ(propose(), Proposed::kAccepted);
  cluster_[leader_].raft->set_log_room(kReserve.margin - 1);
  EXPECT_EQ(propose(), Proposed::kFull);
  cluster_[leader_].raft->set_log_room(std::nullopt);
  EXPECT_EQ(propose(), Proposed::kAccepted);
}

TEST_F(FullDisk, ALeaderRefusesWhatNoMajorityHasRoomFor) {
  cluster_[other_].raft->set_log_room(kReserve.margin - 1);
  tell();
  EXPECT_EQ(propose(), Proposed::kAccepted) << "two of three have room";
  cluster_[third_].raft->set_log_room(kReserve.margin - 1);
  tell();
  EXPECT_EQ(propose(), Proposed::kFull);
  cluster_[other_].raft->set_log_room(std::nullopt);
  tell();
  EXPECT_EQ(propose(), Proposed::kAccepted);
}

// What the leader sent before it knew is left out when it would eat into what terms and votes need; it comes
// again, and is taken once there is room.
TEST_F(FullDisk, AFollowerKeepsAReserveForTermsAndVotes) {
  Raft& follower = *cluster_[other_].raft;
  const Index before = follower.log().last_index();
  follower.set_log_room(kReserve.reserve + 500);
  EXPECT_EQ(propose(), Proposed::kAccepted);
  tell();
  EXPECT_EQ(follower.log().last_index(), before);
  EXPECT_GT(cluster_[leader_].raft->commit(), before) << "the others are a majority";
  follower.set_log_room(std::nullopt);
  cluster_.run(2s);
  EXPECT_EQ(follower.log().last_index(), cluster_[leader_].raft->log().last_index());
}

TEST_F(FullDisk, WithoutTheReserveTheEndIsFilled) {
  const MutantGuard mutant(Mutant::kFillTheDisk);
  cluster_[other_].raft->set_log_room(0);
  EXPECT_EQ(propose(), Proposed::kAccepted);
  tell();
  EXPECT_EQ(cluster_[other_].raft->log().last_index(), cluster_[leader_].raft->log().last_index());
}

TEST_F(FullDisk, WhoHasRoomIsTheBetterHeir) {
  cluster_[leader_].raft->set_log_room(kReserve.margin);
  cluster_[other_].raft->set_log_room(kReserve.margin - 1);
  tell();
  for (const Contender& one : cluster_[leader_].raft->contenders(cluster_.now()))
    EXPECT_EQ(one.room, one.id == cluster_[other_].id ? LogRoom::kNone : LogRoom::kPlenty);
  cluster_.step(leader_, [&](Raft& raft, Effects& out) {
    EXPECT_TRUE(raft.transfer(cluster_.now(), NodeId{}, LeaderCause::kTransfer, out));
  });
  cluster_.deliver();
  EXPECT_TRUE(cluster_[third_].raft->is_leader());
}

}  // namespace
}  // namespace patronus::test::log_room_test
