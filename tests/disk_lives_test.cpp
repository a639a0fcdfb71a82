// Scenario 49: a disk that went back in time is told by its count of boots, or by what it had acknowledged;
// what its node says counts for nothing, and a node that is told so sets its disk aside.
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "core/disk_lives.h"
#include "core/node.h"
#include "tests/mutant_guard.h"
#include "tests/raft_cluster.h"

namespace patronus {
namespace {

using namespace std::chrono_literals;
using test::MutantGuard;
using test::RaftCluster;

constexpr Incarnation kDisk{7};

PeerIdentity life(uint64_t boot, uint64_t process, Incarnation incarnation = kDisk) {
  PeerIdentity peer{"b", incarnation, {}, "", "", ""};
  peer.boot = boot;
  peer.process = process;
  return peer;
}

TEST(DiskLives, OneBootComesAfterTheOther) {
  DiskLives lives;
  for (const PeerIdentity& peer : {life(3, 100), life(3, 100), life(4, 200), life(9, 300)})
    EXPECT_FALSE(lives.note(peer, true));
  EXPECT_FALSE(lives.went_back(kDisk) || lives.is_suspected(kDisk));
}

bool an_old_copy_is_believed() {
  DiskLives lives;
  EXPECT_FALSE(lives.note(life(9, 300), true));
  (void)lives.note(life(5, 400), true);
  (void)lives.note(life(5, 400), true);
  return !lives.went_back(kDisk);
}
TEST(DiskLives, AnOldCopyIsSeen) {
  EXPECT_FALSE(an_old_copy_is_believed());
  const MutantGuard guard(Mutant::kTrustOldDisk);
  EXPECT_TRUE(an_old_copy_is_believed());
}

TEST(DiskLives, ACopyMadeBeforeTheLastBootIsSeen) {
  DiskLives lives;
  EXPECT_FALSE(lives.note(life(9, 300), true));
  EXPECT_TRUE(lives.note(life(9, 400), false)) << "two processes can't both be the ninth";
  EXPECT_TRUE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.note(life(9, 400), false)) << "what comes to the door proves nothing";
  EXPECT_FALSE(lives.went_back(kDisk));
  EXPECT_FALSE(lives.note(life(9, 400), true));
  EXPECT_TRUE(lives.went_back(kDisk));
  EXPECT_FALSE(lives.note(life(12, 500), true));
  EXPECT_TRUE(lives.went_back(kDisk)) << "once back, always back";
  EXPECT_FALSE(lives.note(life(1, 600, Incarnation{8}), true)) << "another disk";
  EXPECT_FALSE(lives.went_back(Incarnation{8}));
}

// What a process has sent may be read after that of the next one.
TEST(DiskLives, AStreamThatOutlivedItsProcessIsNoProof) {
  DiskLives lives;
  EXPECT_FALSE(lives.note(life(10, 300), true));
  EXPECT_TRUE(lives.note(life(9, 200), false));
  EXPECT_FALSE(lives.note(life(10, 300), false));
  EXPECT_TRUE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.note(life(10, 300), true));
  EXPECT_FALSE(lives.is_suspected(kDisk));
  EXPECT_TRUE(lives.note(life(9, 200), false));
  EXPECT_FALSE(lives.note(life(11, 500), false));
  EXPECT_FALSE(lives.is_suspected(kDisk)) << "it has been booted since";
}

TEST(DiskLives, ThereIsALimit) {
  DiskLives lives;
  for (uint64_t i = 1; i <= 3 * limits::kDiskLivesMax; ++i)
    EXPECT_FALSE(lives.note(life(1, i, Incarnation{i}), true));
}

TEST(DiskLives, ItIsToldNowAndThen) {
  DiskLives lives;
  lives.distrust(kDisk);
  EXPECT_TRUE(lives.tell(kDisk, Instant{1}));
  EXPECT_FALSE(lives.tell(kDisk, Instant{2}));
  EXPECT_TRUE(lives.tell(kDisk, Instant{1} + limits::kDiskWentBackInterval));
}

// The leader's side: entries that a follower has acknowledged are gone from its disk, and it has said nothing
// of it.
size_t disks_that_are_found_out() {
  RaftCluster cluster(3);
  cluster.run(2 * RaftCluster::kTimeout);
  const size_t leader = cluster.leader();
  const size_t other = (leader + 1) % 3;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(cluster.propose(leader, "x"));
  cluster.run(RaftCluster::kTimeout);
  EXPECT_TRUE(cluster.raft(leader).take_went_back().empty());
  cluster[other].log.resize(2);
  cluster.boot(other);
  cluster.passes = [&](size_t from, size_t to, const Message& message) {
    return from != leader || to != other || !std::holds_alternative<AppendRequest>(message.body);
  };
  cluster.run(RaftCluster::kTimeout / 2);
  return cluster.raft(leader).take_went_back().size();
}
TEST(Scenario49, ALeaderMissesWhatWasAcknowledged) {
  EXPECT_EQ(disks_that_are_found_out(), 1U);
  const MutantGuard guard(Mutant::kTrustOldDisk);
  EXPECT_EQ(disks_that_are_found_out(), 0U);
}

TEST(Scenario49, WhatItAcknowledgedCountsNoMore) {
  RaftCluster cluster(3);
  cluster.run(2 * RaftCluster::kTimeout);
  const size_t leader = cluster.leader();
  const size_t other = (leader + 1) % 3;
  const size_t third = (leader + 2) % 3;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(cluster.propose(leader, "x"));
  cluster.run(RaftCluster::kTimeout);
  cluster[other].log.resize(2);
  cluster.boot(other);
  const Index before = cluster.raft(leader).commit();
  cluster.passes = [&](size_t from, size_t to, const Message& message) {
    return from != leader || to != other || !std::holds_alternative<AppendRequest>(message.body);
  };
  cluster.run(200ms);
  cluster.passes = [](size_t, size_t, const Message&) { return true; };
  cluster.cut(leader, third);
  ASSERT_TRUE(cluster.propose(leader, "y"));
  cluster.run(100ms);
  EXPECT_EQ(cluster.raft(leader).commit(), before) << "the leader has nobody but itself";
}

// A member of three, with an effect list of its own.
class Member {
 public:
  Member() : node_(booted(), "test", now()) {
    node_.start(now(), effects);
    step(WriteDone{PersistId{1}});
    effects.clear();
  }
  void step(Event&& event) { node_.step(now(), std::move(event), effects); }
  void hear(const NodeId& from, Incarnation incarnation, MessageBody body) {
    step(PeerMessage{from, incarnation, {{{1, 2}}, Term{5}, std::move(body)}});
  }
  template <typename What>
  size_t count() const {
    size_t found = 0;
    for (const Effect& effect : effects) found += std::holds_alternative<What>(effect) ? 1U : 0U;
    return found;
  }
  size_t sent(const NodeId& to) const {
    size_t found = 0;
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<Send>(&effect);
      if (send != nullptr && send->to == to) ++found;
    }
    return found;
  }

  Effects effects;

 private:
  static Boot booted() {
    Boot boot;
    boot.id = "a";
    boot.incarnation = Incarnation{1};
    boot.election_timeout = 500ms;
    boot.heartbeat_interval = 100ms;
    boot.hard.term = Term{1};
    boot.hard.cluster_id.words = {1, 2};
    Configuration first{boot.hard.cluster_id, {}};
    first.members.push_back({"a", Incarnation{1}, "", "", Standing::kVoter});
    first.members.push_back({"b", kDisk, "", "", Standing::kVoter});
    first.members.push_back({"c", Incarnation{3}, "", "", Standing::kVoter});
    boot.entries = {{Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(first))}};
    return boot;
  }
  static Now now() { return {Instant{1'000'000'000}, WallTime{1'700'000'000'000}}; }

  Node node_;
};

TEST(Scenario49, WhoseDiskWentBackIsNotListenedTo) {
  Member a;
  PeerIdentity b = life(9, 300);
  b.cluster_id.words = {1, 2};
  a.step(LinkUp{b});
  b = life(5, 400);
  b.cluster_id.words = {1, 2};
  a.step(LinkUp{b});
  EXPECT_EQ(a.count<Redial>(), 1U) << "is that so?";
  a.effects.clear();
  a.hear("b", kDisk, VoteRequest{Index{90}, Term{4}});
  EXPECT_EQ(a.sent("b"), 0U) << "until that is known it is not listened to";
  a.step(LinkUp{b});
  a.effects.clear();
  a.hear("b", kDisk, VoteRequest{Index{90}, Term{4}});
  ASSERT_EQ(a.sent("b"), 1U);
  bool told = false;
  for (const Effect& effect : a.effects) {
    const auto* send = std::get_if<Send>(&effect);
    told = told || (send != nullptr && std::holds_alternative<DiskWentBack>(send->message.body));
  }
  EXPECT_TRUE(told) << "no vote, but the truth";
  a.hear("b", kDisk, VoteRequest{Index{90}, Term{4}});
  EXPECT_EQ(a.sent("b"), 1U) << "not each time";
}

TEST(Scenario49, WhoIsToldSetsItsDiskAside) {
  Member a;
  a.hear("x", Incarnation{55}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 0U) << "a stranger says so";
  a.hear("c", Incarnation{3}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 1U);
  a.hear("c", Incarnation{3}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 1U) << "once is enough";
}

}  // namespace
}  // namespace patronus
