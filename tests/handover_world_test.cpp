// Whole nodes in a simulated world without troubles: who leads moves when it should, once, and stays.
#include <gtest/gtest.h>

#include "mutant_guard.h"
#include "sim/world.h"

namespace patronus::sim::handover_world_test {
namespace {

using namespace std::chrono_literals;

Profile quiet() {
  Profile profile;
  profile.nodes = 3;
  profile.clients = 2;
  profile.length = 60s;
  profile.election_timeout = 500ms;
  profile.heartbeat_interval = 100ms;
  profile.latency_min = 50us;
  profile.latency_max = 300us;
  profile.sync_min = 200us;
  profile.sync_max = 2ms;
  profile.think_max = 80ms;
  profile.session_idle = std::chrono::hours(2);
  profile.segment_bytes = 256 * 1024;
  profile.trouble_interval = 1s;
  return profile;
}

std::optional<HostId> leader(World& world) {
  for (HostId id = 0; id < 3; ++id) {
    if (world.host(id).is_up() && world.host(id).node().raft().is_leader()) return id;
  }
  return std::nullopt;
}

// Scenario 43: the leader's disk becomes slow.
TEST(SlowDiskOfTheLeader, LeadershipGoesToAFasterOneOnce) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Tape tape = Tape::from_seed(seed);
    World world(tape, quiet(), false);
    world.start();
    world.run_for(8s);
    const std::optional<HostId> first = leader(world);
    ASSERT_TRUE(first);
    ASSERT_EQ(world.checkers().transfers(), 0U);
    world.host(*first).set_disk_slowness(150ms);
    world.run_for(10s);
    const std::optional<HostId> second = leader(world);
    ASSERT_TRUE(second);
    EXPECT_NE(*second, *first);
    EXPECT_EQ(world.checkers().transfers(), 1U);
    world.run_for(60s);
    EXPECT_EQ(leader(world), second) << "it stays there, with one disk slow";
    world.host(*first).set_disk_slowness(0ms);
    world.run_for(60s);
    EXPECT_EQ(leader(world), second) << "and when it is fast again";
    EXPECT_EQ(world.checkers().transfers(), 1U);
  }
}

TEST(SlowDiskOfTheLeader, WhereAllAreSlowLeadershipStays) {
  Tape tape = Tape::from_seed(4);
  World world(tape, quiet(), false);
  world.start();
  world.run_for(8s);
  const std::optional<HostId> first = leader(world);
  ASSERT_TRUE(first);
  for (HostId id = 0; id < 3; ++id) world.host(id).set_disk_slowness(150ms);
  world.run_for(120s);
  EXPECT_EQ(leader(world), first);
  EXPECT_EQ(world.checkers().transfers(), 0U);
}

TEST(LeaderPriority, TheOneWithTheHighestLeadsInTheEnd) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Tape tape = Tape::from_seed(seed);
    Profile profile = quiet();
    profile.leader_priorities = {0, 50, 20};
    World world(tape, profile, false);
    world.start();
    world.run_for(30s);
    EXPECT_EQ(leader(world), HostId{1});
    EXPECT_LE(world.checkers().transfers(), 1U);
    // While its disk is slow it does not lead, and afterwards it does again.
    world.host(1).set_disk_slowness(150ms);
    world.run_for(30s);
    EXPECT_EQ(leader(world), HostId{2});
    world.host(1).set_disk_slowness(0ms);
    world.run_for(30s);
    EXPECT_EQ(leader(world), HostId{1});
  }
}

// Scenario 42: one disk is full; nobody's write fails, and leadership stays where there is room.
TEST(FullDiskOfTheLeader, LeadershipGoesToOneWithRoomOnce) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Tape tape = Tape::from_seed(seed);
    Profile profile = quiet();
    profile.segment_bytes = 16 * 1024;
    World world(tape, profile, false);
    world.start();
    world.run_for(8s);
    const std::optional<HostId> first = leader(world);
    ASSERT_TRUE(first);
    world.host(*first).set_disk_full(true);
    world.run_for(2s);
    const std::optional<HostId> second = leader(world);
    ASSERT_TRUE(second);
    EXPECT_NE(*second, *first);
    const Index before = world.host(*second).node().store().applied();
    world.run_for(20s);
    EXPECT_EQ(leader(world), second);
    EXPECT_GT(world.host(*second).node().store().applied().value, before.value + 100) << "writes go on";
    world.host(*first).set_disk_full(false);
    world.run_for(10s);
    EXPECT_EQ(leader(world), second) << "and it is no reason to go back that there is room again";
    EXPECT_EQ(world.checkers().transfers(), 1U);
    EXPECT_EQ(world.host(*first).node().store().applied(), world.host(*second).node().store().applied());
  }
}

// All are full: nothing more is written, but there is always a leader, also after the one there was has died,
// and once there is room writes go on without anybody's help.
// Returns what went wrong.
std::string live_with_full_disks(uint64_t seed) {
  Tape tape = Tape::from_seed(seed);
  Profile profile = quiet();
  profile.segment_bytes = 16 * 1024;
  profile.think_max = 10ms;
  World world(tape, profile, false);
  world.start();
  world.run_for(5s);
  for (HostId id = 0; id < 3; ++id) world.host(id).set_disk_full(true);
  world.run_for(15s);
  const std::optional<HostId> first = leader(world);
  if (!first) return "nobody leads once the disks are full";
  const Index full = world.host(*first).node().raft().commit();
  world.run_for(5s);
  if (world.host(*first).node().raft().commit() > full) return "writes are taken for which there is no room";
  world.host(*first).crash(true);
  world.run_for(5s);
  const std::optional<HostId> second = leader(world);
  if (!second) return "nobody leads after the leader's death";
  for (HostId id = 0; id < 3; ++id) world.host(id).set_disk_full(false);
  world.host(*first).start();
  world.run_for(5s);
  const std::optional<HostId> third = leader(world);
  if (!third) return "nobody leads once there is room";
  const Index end = world.host(*third).node().store().applied();
  return end.value > full.value + 10 ? "" : "no write is taken once there is room";
}

TEST(FullDisks, OfAllNodesCostWritesAndNothingElse) {
  for (uint64_t seed = 1; seed <= 3; ++seed) EXPECT_EQ(live_with_full_disks(seed), "") << "seed " << seed;
}

TEST(FullDisks, FilledToTheLastByteCostTheLeader) {
  const test::MutantGuard mutant(Mutant::kFillTheDisk);
  EXPECT_NE(live_with_full_disks(1), "");
}

}  // namespace
}  // namespace patronus::sim::handover_world_test
