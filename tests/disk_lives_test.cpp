// Scenario 49: a disk that went back in time is told by its count of boots, or by what it had acknowledged;
// what its node says counts for nothing, and a node that is told so sets its disk aside.
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "core/disk_lives.h"
#include "core/node.h"
#include "tests/mutant_guard.h"
#include "tests/raft_cluster.h"

namespace patronus::disk_lives_test {
namespace {

using namespace std::chrono_literals;
using test::MutantGuard;
using test::RaftCluster;

constexpr Incarnation kDisk{7};

// `processes`: that have been in this life, the last one last.
PeerIdentity life(uint64_t count, std::vector<uint64_t> processes, Incarnation incarnation = kDisk) {
  PeerIdentity peer{"b", incarnation, {}, "", "", ""};
  peer.life = count;
  peer.processes = std::move(processes);
  return peer;
}

TEST(DiskLives, OneLifeComesAfterTheOther) {
  DiskLives lives{{}};
  for (const PeerIdentity& peer : {life(3, {100}), life(3, {100}), life(4, {200}), life(4, {200, 250}),
                                   life(4, {200, 250, 260}), life(9, {300})})
    EXPECT_FALSE(lives.note(peer, true));
  EXPECT_FALSE(lives.went_back(kDisk) || lives.is_suspected(kDisk));
  EXPECT_EQ(lives.known(kDisk), (DiskLife{kDisk, 9, 300}));
}

bool an_old_copy_is_believed() {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(9, {300}), true));
  (void)lives.note(life(5, {400}), true);
  (void)lives.note(life(5, {400}), true);
  return !lives.went_back(kDisk);
}
TEST(DiskLives, AnOldCopyIsSeen) {
  EXPECT_FALSE(an_old_copy_is_believed());
  const MutantGuard guard(Mutant::kTrustOldDisk);
  EXPECT_TRUE(an_old_copy_is_believed());
}

TEST(DiskLives, ACopyMadeBeforeTheLastBootIsSeen) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(9, {300, 350}), true));
  EXPECT_TRUE(lives.note(life(9, {300, 400}), false)) << "the disk has not seen process 350";
  EXPECT_TRUE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.note(life(9, {300, 400}), false)) << "what comes to the door proves nothing";
  EXPECT_FALSE(lives.went_back(kDisk));
  EXPECT_FALSE(lives.note(life(9, {300, 400}), true));
  EXPECT_TRUE(lives.went_back(kDisk));
  EXPECT_FALSE(lives.note(life(12, {500}), true));
  EXPECT_TRUE(lives.went_back(kDisk)) << "once back, always back";
  EXPECT_FALSE(lives.note(life(1, {600}, Incarnation{8}), true)) << "another disk";
  EXPECT_FALSE(lives.went_back(Incarnation{8}));
}

TEST(DiskLives, ACopyFromBeforeLivesWereCountedIsSeen) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(0, {}), true));
  EXPECT_FALSE(lives.known(kDisk));
  EXPECT_FALSE(lives.note(life(1, {100}), true));
  PeerIdentity old = life(0, {});
  old.protocol = protocol::kDiskLives - 1;
  EXPECT_FALSE(lives.note(old, true)) << "an earlier version can't say";
  EXPECT_TRUE(lives.note(life(0, {}), true));
  EXPECT_FALSE(lives.note(life(0, {}), true));
  EXPECT_TRUE(lives.went_back(kDisk));
}

// What a process has sent may be read after that of the next one.
TEST(DiskLives, AStreamThatOutlivedItsProcessIsNoProof) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(10, {300}), true));
  EXPECT_TRUE(lives.note(life(9, {200}), false));
  EXPECT_FALSE(lives.note(life(10, {300}), false));
  EXPECT_TRUE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.note(life(10, {300}), true));
  EXPECT_FALSE(lives.is_suspected(kDisk));
  EXPECT_TRUE(lives.note(life(9, {200}), false));
  EXPECT_FALSE(lives.note(life(11, {500}), false));
  EXPECT_FALSE(lives.is_suspected(kDisk)) << "it has been booted since";
}

// What a leader tells of others.
TEST(DiskLives, WhatWasOnlyHeardOfCounts) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.hear({kDisk, 9, 300})) << "nobody was met";
  EXPECT_TRUE(lives.note(life(5, {200}), true));
  EXPECT_FALSE(lives.note(life(5, {200}), true));
  EXPECT_TRUE(lives.went_back(kDisk));
}

TEST(DiskLives, AnotherProcessThanTheOneThatWasMetIsDialledAnew) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(5, {200}), true));
  EXPECT_FALSE(lives.hear({kDisk, 7, 200})) << "the same process, which has begun new lives";
  EXPECT_FALSE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.hear({kDisk, 6, 100})) << "old news";
  EXPECT_FALSE(lives.hear({kDisk, 7, 250})) << "which came first?";
  EXPECT_TRUE(lives.hear({kDisk, 9, 300}));
  EXPECT_TRUE(lives.is_suspected(kDisk));
  // The hello of the process before was under way.
  EXPECT_TRUE(lives.note(life(7, {200}), true));
  EXPECT_FALSE(lives.went_back(kDisk)) << "its stream has outlived it";
  EXPECT_FALSE(lives.note(life(9, {300}), true));
  EXPECT_FALSE(lives.is_suspected(kDisk));
}

TEST(DiskLives, AProcessThatIsResumedFromACopyIsSeen) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(5, {200}), true));
  EXPECT_FALSE(lives.hear({kDisk, 8, 200}));
  EXPECT_TRUE(lives.note(life(6, {200}), true));
  EXPECT_FALSE(lives.note(life(6, {200}), true));
  EXPECT_TRUE(lives.went_back(kDisk));
  EXPECT_FALSE(lives.hear({kDisk, 9, 200}));
  EXPECT_TRUE(lives.went_back(kDisk));
}

bool an_old_copy_is_believed_after_a_restart() {
  DiskLives before{{}};
  EXPECT_FALSE(before.note(life(9, {300}), true));
  DiskLives lives{{*before.known(kDisk)}};
  (void)lives.note(life(5, {400}), true);
  (void)lives.note(life(5, {400}), true);
  return !lives.went_back(kDisk);
}
TEST(DiskLives, WhatIsKeptOutlivesTheProcess) {
  EXPECT_FALSE(an_old_copy_is_believed_after_a_restart());
  const MutantGuard guard(Mutant::kForgetLives);
  EXPECT_TRUE(an_old_copy_is_believed_after_a_restart());
}

// A slow link: whenever a hello arrives, more has come to be known by another way.
TEST(DiskLives, WhatIsOlderThanTheQuestionIsNoAnswer) {
  DiskLives lives{{}};
  EXPECT_FALSE(lives.note(life(5, {200}), true));
  EXPECT_FALSE(lives.hear({kDisk, 6, 200}));
  EXPECT_TRUE(lives.note(life(5, {200}), true)) << "said before it began its sixth life";
  EXPECT_FALSE(lives.hear({kDisk, 7, 200}));
  EXPECT_TRUE(lives.note(life(6, {200}), true)) << "the answer is as new as what was known when it was asked";
  EXPECT_FALSE(lives.went_back(kDisk));
  EXPECT_TRUE(lives.is_suspected(kDisk));
  EXPECT_FALSE(lives.note(life(7, {200}), true));
  EXPECT_FALSE(lives.is_suspected(kDisk));
  EXPECT_TRUE(lives.note(life(6, {200}), true));
  EXPECT_FALSE(lives.note(life(6, {200}), true)) << "it was asked when the seventh was known";
  EXPECT_TRUE(lives.went_back(kDisk));
}

TEST(DiskLives, ThereIsALimit) {
  DiskLives lives{{}};
  for (uint64_t i = 1; i <= 3 * limits::kDiskLivesMax; ++i)
    EXPECT_FALSE(lives.note(life(1, {i}, Incarnation{i}), true));
}

TEST(DiskLives, ItIsToldNowAndThen) {
  DiskLives lives{{}};
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
TEST(Scenario49OfLives, ALeaderMissesWhatWasAcknowledged) {
  EXPECT_EQ(disks_that_are_found_out(), 1U);
  const MutantGuard guard(Mutant::kTrustOldDisk);
  EXPECT_EQ(disks_that_are_found_out(), 0U);
}

TEST(Scenario49OfLives, WhatItAcknowledgedCountsNoMore) {
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
  explicit Member(const Lives& lives = {}, uint64_t process = 11)
      : node_(booted(lives, process), "test", now()) {
    node_.start(now(), effects);
    first_lives_ = kept()->lives;
    step(WriteDone{PersistId{1}});
    effects.clear();
  }
  // What its first write has.
  const Lives& first_lives() const { return first_lives_; }
  void settle_writes() {
    PersistId last;
    for (const Effect& effect : effects) {
      if (const auto* persist = std::get_if<Persist>(&effect)) last = persist->id;
    }
    if (last > PersistId{}) step(WriteDone{last});
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

  // What the last write of the hard state has.
  std::optional<HardState> kept() const {
    std::optional<HardState> hard;
    for (const Effect& effect : effects) {
      if (const auto* persist = std::get_if<Persist>(&effect); persist != nullptr && persist->hard)
        hard = persist->hard;
    }
    return hard;
  }
  const Node& node() const { return node_; }
  void pass(Duration time) { passed_ += time; }

  Effects effects;

 private:
  static Boot booted(const Lives& lives, uint64_t process) {
    Boot boot;
    boot.seed = process;
    boot.hard.lives = lives;
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
  Now now() const { return {Instant{1'000'000'000} + passed_, WallTime{1'700'000'000'000}}; }

  Duration passed_{};
  Lives first_lives_;
  Node node_;
};

TEST(Scenario49OfLives, WhoseDiskWentBackIsNotListenedTo) {
  Member a;
  PeerIdentity b = life(9, {300});
  b.cluster_id.words = {1, 2};
  a.step(LinkUp{b});
  b = life(5, {400});
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

PeerIdentity of_cluster(PeerIdentity peer) {
  peer.cluster_id.words = {1, 2};
  return peer;
}
PeerIdentity third(std::vector<uint64_t> processes) {
  PeerIdentity peer = of_cluster(life(5, std::move(processes), Incarnation{3}));
  peer.id = "c";
  return peer;
}

TEST(Scenario49OfLives, LivesAreKeptOnceAllKnowWhatTheyAre) {
  Member a;
  a.step(LinkUp{of_cluster(life(9, {300}))});
  EXPECT_FALSE(a.kept()) << "c may not be able to read such a log";
  PeerIdentity old = third({});
  old.life = 0;
  old.protocol = protocol::kDiskLives - 1;
  a.step(LinkUp{old});
  EXPECT_FALSE(a.kept());
  a.step(LinkUp{third({700})});
  ASSERT_TRUE(a.kept());
  EXPECT_EQ(a.kept()->lives.others, (std::vector<DiskLife>{{kDisk, 9, 300}, {Incarnation{3}, 5, 700}}));
  EXPECT_EQ(a.kept()->lives.life, 1U) << "and its own are counted";
  EXPECT_EQ(a.node().identity().life, 0U) << "which is told once it is on the disk";
  a.step(WriteDone{PersistId{3}});
  EXPECT_EQ(a.node().identity().life, 1U);
  a.effects.clear();
  a.step(LinkUp{third({700})});
  EXPECT_FALSE(a.kept()) << "nothing is new";
}

Heartbeat about(const NodeId& id, const DiskLife& disk) {
  MemberView view;
  view.id = id;
  view.disk = disk;
  Heartbeat heartbeat;
  heartbeat.round = Round{1};
  heartbeat.members = {view};
  return heartbeat;
}

TEST(Scenario49OfLives, ALeaderTellsOfWhomAFollowerCouldNotMeet) {
  Member a;
  a.step(LinkUp{third({700})});
  a.hear("c", Incarnation{3}, about("b", {kDisk, 9, 300}));
  a.effects.clear();
  a.step(LinkUp{of_cluster(life(8, {300}))});
  EXPECT_EQ(a.count<Redial>(), 1U);
  a.hear("b", kDisk, VoteRequest{Index{90}, Term{4}});
  EXPECT_EQ(a.sent("b"), 0U) << "its disk is older than that";
}

// Otherwise an old copy that meets nobody could outrun what others know of it.
TEST(Scenario49OfLives, ALifeBeginsOnceTheOneBeforeIsConfirmed) {
  Member a;
  a.step(LinkUp{of_cluster(life(9, {300}))});
  a.step(LinkUp{third({700})});
  a.step(WriteDone{PersistId{3}});
  const PeerIdentity first = a.node().identity();
  ASSERT_EQ(first.life, 1U);
  const auto after_a_minute = [&] {
    a.pass(limits::kLifeInterval + 1s);
    a.step(Wake{});
    a.settle_writes();
    return a.node().identity().life;
  };
  EXPECT_EQ(after_a_minute(), 1U) << "nobody is known to have it";
  a.hear("c", Incarnation{3}, about("a", {Incarnation{1}, 1, 555}));
  EXPECT_EQ(after_a_minute(), 1U) << "another process";
  a.hear("c", Incarnation{3}, about("a", {Incarnation{1}, 1, first.processes.back()}));
  EXPECT_EQ(after_a_minute(), 2U);
  EXPECT_EQ(after_a_minute(), 2U) << "and so on";
}

TEST(Scenario49OfLives, ProcessesThatNobodyMeetsAreOfOneLife) {
  Lives lives;
  lives.life = 7;
  lives.processes = {70};
  const auto boot = [&](uint64_t process) {
    Member a{lives, process};
    lives = a.first_lives();
    return lives.life;
  };
  for (uint64_t i = 1; i < limits::kLifeProcessesMax; ++i) {
    EXPECT_EQ(boot(100 + i), 7U);
    EXPECT_EQ(lives.processes.size(), i + 1);
  }
  EXPECT_EQ(boot(200), 7U);
  EXPECT_EQ(lives.processes.back(), 100 + limits::kLifeProcessesMax - 1) << "no more are told apart";
  lives.confirmed = true;
  EXPECT_EQ(boot(300), 8U);
  EXPECT_EQ(lives.processes, std::vector<uint64_t>{300});
  EXPECT_FALSE(lives.confirmed);
}

TEST(Scenario49OfLives, WhoIsToldSetsItsDiskAside) {
  Member a;
  a.hear("x", Incarnation{55}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 0U) << "a stranger says so";
  a.hear("c", Incarnation{3}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 1U);
  a.hear("c", Incarnation{3}, DiskWentBack{});
  EXPECT_EQ(a.count<SetAside>(), 1U) << "once is enough";
}

// Its copy is from before it belonged to a cluster: it knows nobody, and has nothing to lose.
TEST(Scenario49OfLives, WhoHasNothingIsToldByAnyone) {
  const ClusterId cluster{{1, 2}};
  // With its first request a node joins a cluster, and knows no member of it yet.
  for (const bool has_joined : {false, true}) {
    Boot boot;
    boot.id = "a";
    boot.incarnation = Incarnation{1};
    boot.election_timeout = std::chrono::milliseconds(500);
    boot.heartbeat_interval = std::chrono::milliseconds(100);
    boot.founding_nodes = 3;
    boot.hard.boot = 1;
    const Now now{Instant{}, WallTime{1'700'000'000'000}};
    Node node(std::move(boot), "test", now);
    Effects effects;
    node.start(now, effects);
    const auto hear = [&](ClusterId of, MessageBody body) {
      effects.clear();
      node.step(now, PeerMessage{"x", Incarnation{55}, Message{of, Term{3}, std::move(body)}}, effects);
    };
    if (has_joined) {
      hear(cluster, VoteRequest{Index{9}, Term{2}});
      ASSERT_EQ(node.raft().hard_state().cluster_id, cluster);
      hear(ClusterId{{7, 7}}, DiskWentBack{});
      EXPECT_TRUE(std::none_of(effects.begin(), effects.end(), [](const Effect& effect) {
        return std::holds_alternative<SetAside>(effect);
      })) << "another cluster says so";
    }
    hear(cluster, DiskWentBack{});
    size_t aside = 0;
    for (const Effect& effect : effects) {
      const auto* told = std::get_if<SetAside>(&effect);
      if (told == nullptr) continue;
      ++aside;
      EXPECT_EQ(told->cluster, cluster) << "which is to take it in again";
    }
    EXPECT_EQ(aside, 1U);
  }
}

}  // namespace
}  // namespace patronus::disk_lives_test
