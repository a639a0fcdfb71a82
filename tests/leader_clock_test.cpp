// The clocks that entries are stamped with, and how old a node's knowledge is.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "core/raft/freshness.h"
#include "core/raft/leader_clock.h"
#include "tests/raft_cluster.h"

namespace patronus::test::leader_clock_test {
namespace {

Now at(Duration mono, int64_t wall_ms) { return {Instant{mono.count()}, WallTime{wall_ms}}; }

// Scenarios 33 and 34: a leader that was stopped and wakes must not make leases run out at a stroke.
TEST(LeaderClock, AStoppedProcessAddsNoMoreThanOneStep) {
  LeaderClock clock(Stamp{1000, 0}, Instant{}, 5s);
  clock.advance(at(1s, 0), true);
  EXPECT_EQ(clock.stamp(at(1500ms, 0), Stamp{}, true).lease_ms, 2500);
  EXPECT_EQ(clock.stamp(at(3601s, 0), Stamp{}, true).lease_ms, 7000);
  clock.advance(at(3601s, 0), true);
  EXPECT_EQ(clock.stamp(at(3602s, 0), Stamp{}, true).lease_ms, 8000);
}

TEST(LeaderClock, AWallClockOutOfLineIsNotRead) {
  LeaderClock clock(Stamp{0, 1'000'000}, Instant{}, 5s);
  clock.advance(at(1s, 99'000'000), false);
  EXPECT_EQ(clock.stamp(at(2s, 99'000'000), Stamp{}, false).wall_ms, 1'002'000);
}

RC_GTEST_PROP(LeaderClock, NothingEverGoesBack, (std::vector<std::pair<uint16_t, int32_t>> turns)) {
  LeaderClock clock(Stamp{10, 10}, Instant{}, 5s);
  Stamp last{10, 10};
  Instant mono;
  for (const auto& [ms, wall] : turns) {
    mono = mono + std::chrono::milliseconds(ms);
    const Now now{mono, WallTime{wall}};
    const Stamp stamp = clock.stamp(now, last, wall % 3 != 0);
    RC_ASSERT(stamp.lease_ms >= last.lease_ms);
    RC_ASSERT(stamp.wall_ms >= last.wall_ms);
    RC_ASSERT(stamp.lease_ms - last.lease_ms <= ms + 1);
    last = stamp;
    clock.advance(now, wall % 3 != 0);
  }
}

TEST(Freshness, AReadingCountsOnceALaterRoundIsConfirmed) {
  ClockEcho echo;
  echo.heard(Instant{100}, Round{4});
  EXPECT_FALSE(echo.confirmed(Round{4}, 1s));
  EXPECT_EQ(echo.reading(), Instant{});
  echo.heard(Instant{200}, Round{5});
  EXPECT_TRUE(echo.confirmed(Round{5}, 1s)) << "the first one is news that does not wait";
  EXPECT_EQ(echo.reading(), Instant{100});
  EXPECT_FALSE(echo.confirmed(Round{6}, 1s));
  EXPECT_EQ(echo.reading(), Instant{200});
  EXPECT_FALSE(echo.is_urgent(Instant{300}, 1s));
  EXPECT_TRUE(echo.is_urgent(Instant{2'000'000'000}, 1s));
}

TEST(Freshness, WhatIsNotAppliedYetIsNotKnown) {
  Freshness freshness(Instant{50});
  EXPECT_FALSE(freshness.ever());
  freshness.told(Instant{100}, Index{7}, Index{6}, Instant{110});
  EXPECT_FALSE(freshness.ever());
  freshness.applied(Index{7});
  EXPECT_EQ(freshness.as_of(), Instant{100});
  freshness.told(Instant{500}, Index{7}, Index{7}, Instant{400});
  freshness.told(Instant{20}, Index{7}, Index{7}, Instant{400});
  EXPECT_EQ(freshness.as_of(), Instant{100});
}

// A new leader's followers answer its first heartbeat before it knows how far the cluster is. They are told
// as soon as it does, not with the next heartbeat: else a second loss of a leader would leave them unable to
// vouch.
TEST(Freshness, FollowersAreToldAsSoonAsANewLeaderKnows) {
  RaftCluster cluster(3);
  cluster.run(1s);
  const size_t first = cluster.leader();
  ASSERT_NE(first, SIZE_MAX);
  // The test applies nothing by itself, so it says how far the nodes are.
  for (size_t i = 0; i < 3; ++i) cluster.raft(i).set_applied(cluster.raft(i).commit());
  cluster[first].down = true;
  // Whoever wins can't write its first entry yet.
  size_t second = SIZE_MAX;
  cluster.passes = [&](size_t, size_t to, const Message& message) {
    const auto* vote = std::get_if<VoteResponse>(&message.body);
    if (vote != nullptr && vote->granted && second == SIZE_MAX) {
      second = to;
      cluster[to].hold_writes = true;
    }
    return true;
  };
  while (second == SIZE_MAX || !cluster.raft(second).is_leader()) cluster.run(1ms);
  const size_t follower = 3 - first - second;
  const Instant elected = cluster.now().mono;
  ASSERT_LT(cluster.raft(follower).freshness().as_of(), elected - 300ms);
  cluster[second].hold_writes = false;
  cluster.finish_writes(second);
  cluster.raft(follower).set_applied(cluster.raft(follower).commit());
  EXPECT_GE(cluster.raft(follower).freshness().as_of(), elected - 5ms);
}

// The first entry of a term, after hours in which nothing was written, says when the leader really changed.
TEST(LeaderClock, AnElectionAfterAQuietTimeIsStampedWithItsOwnTime) {
  RaftCluster cluster(3);
  cluster.run(1s);
  const size_t first = cluster.leader();
  ASSERT_NE(first, SIZE_MAX);
  const int64_t written = cluster.raft(first).log().last_stamp().wall_ms;
  cluster.run(60s);
  ASSERT_EQ(cluster.raft(first).log().last_stamp().wall_ms, written) << "nothing was written meanwhile";
  cluster[first].down = true;
  cluster.run(2s);
  const size_t second = cluster.leader();
  ASSERT_NE(second, SIZE_MAX);
  ASSERT_NE(second, first);
  EXPECT_GE(cluster.raft(second).log().last_stamp().wall_ms, written + 60'000);
}

// Also where nobody had told this node of the cluster's time before: the voters do.
TEST(LeaderClock, TheFirstElectionAfterARestartKnowsTheVotersClocks) {
  RaftCluster cluster(3);
  cluster.run(1s);
  for (size_t i = 0; i < 3; ++i) cluster[i].down = true;
  cluster.run(60s);
  const int64_t back = cluster.now().wall.unix_ms;
  for (size_t i = 0; i < 3; ++i) cluster.boot(i);
  cluster.run(2s);
  const size_t leader = cluster.leader();
  ASSERT_NE(leader, SIZE_MAX);
  EXPECT_GE(cluster.raft(leader).log().last_stamp().wall_ms, back);
}

// A follower that is cut off grows old by its own clock; the leader without a majority does so too.
TEST(Freshness, WhoeverIsCutOffGrowsOld) {
  RaftCluster cluster(3);
  cluster.run(1s);
  cluster.run(2s);
  const size_t leader = cluster.leader();
  ASSERT_NE(leader, SIZE_MAX);
  const auto age = [&](size_t i) { return cluster.now().mono - cluster.raft(i).freshness().as_of(); };
  // The test applies nothing, so it says how far the nodes are.
  for (size_t i = 0; i < 3; ++i) cluster.raft(i).set_applied(cluster.raft(i).commit());
  cluster.run(1s);
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(age(i), 500ms) << i;
  const size_t cut = (leader + 1) % 3;
  for (size_t i = 0; i < 3; ++i) {
    if (i != cut) cluster.cut(cut, i);
  }
  cluster.run(3s);
  EXPECT_GT(age(cut), 2900ms);
  EXPECT_LT(age((leader + 2) % 3), 500ms);
}

}  // namespace
}  // namespace patronus::test::leader_clock_test
