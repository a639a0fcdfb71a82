// A component's health changes when it says so often enough, and silence is a failure of its own.
#include <gtest/gtest.h>

#include <string>

#include "core/health/health.h"
#include "core/node.h"

namespace patronus::health_test {
namespace {

using namespace std::chrono_literals;

Now at(int64_t seconds) { return {Instant{0} + std::chrono::seconds(seconds), WallTime{seconds * 1000}}; }

class HealthTest : public ::testing::Test {
 protected:
  void add(uint32_t failures, uint32_t successes, Duration silence = Duration::max()) {
    health_.add({"disk", failures, successes, silence}, at(0));
  }
  void good(int64_t second, int times = 1) {
    for (int i = 0; i < times; ++i) health_.report("disk", true, "", at(second));
  }
  void bad(int64_t second, const std::string& reason = "slow") {
    health_.report("disk", false, reason, at(second));
  }
  ComponentView disk(int64_t second) const { return health_.view(at(second))[0]; }

  Health health_;
};

TEST_F(HealthTest, AComponentFailsUntilItFirstSaysOtherwise) {
  add(1, 1);
  EXPECT_FALSE(disk(0).ok);
  EXPECT_EQ(disk(0).reason, "has not reported yet");
  good(3);
  EXPECT_TRUE(disk(3).ok);
  EXPECT_EQ(disk(3).reason, "");
  EXPECT_EQ(disk(9).since, WallTime{3000});
}

TEST_F(HealthTest, SaysWhatIsWorthSayingThoughAllIsWell) {
  add(1, 1, 10s);
  health_.report("disk", true, "is nearly full", at(1));
  EXPECT_TRUE(disk(1).ok);
  EXPECT_EQ(disk(1).reason, "is nearly full");
  good(2);
  EXPECT_EQ(disk(2).reason, "");
  EXPECT_TRUE(disk(12).ok);
  EXPECT_FALSE(disk(13).ok) << "silence";
}

TEST_F(HealthTest, FailsOnlyAfterSeveralFailuresInARow) {
  add(3, 1);
  good(1);
  bad(2);
  bad(3);
  EXPECT_TRUE(disk(3).ok);
  good(4);
  bad(5);
  bad(6);
  EXPECT_TRUE(disk(6).ok) << "a success between began the row anew";
  bad(7, "dead");
  EXPECT_FALSE(disk(7).ok);
  EXPECT_EQ(disk(7).reason, "dead");
  EXPECT_EQ(disk(8).since, WallTime{7000});
}

TEST_F(HealthTest, RecoversOnlyAfterSeveralSuccessesInARow) {
  add(1, 2);
  good(1, 2);
  bad(2);
  EXPECT_FALSE(disk(2).ok);
  good(3);
  EXPECT_FALSE(disk(3).ok);
  bad(4, "slow again");
  EXPECT_EQ(disk(4).reason, "slow again") << "the latest reason is shown";
  EXPECT_EQ(disk(4).since, WallTime{2000}) << "but it has failed since before";
  good(5, 2);
  EXPECT_TRUE(disk(5).ok);
}

TEST_F(HealthTest, SilencePastTheDeadlineIsAFailure) {
  add(3, 2, 10s);
  good(1, 2);
  EXPECT_TRUE(disk(11).ok) << "not past it yet";
  EXPECT_FALSE(disk(12).ok);
  EXPECT_NE(disk(12).reason, "");
}

TEST_F(HealthTest, AWordEndsTheSilence) {
  add(3, 2, 10s);
  good(1, 2);
  EXPECT_FALSE(disk(30).ok);
  good(31);
  EXPECT_TRUE(disk(31).ok);
}

// How long a component has failed must not depend on when somebody looks.
TEST_F(HealthTest, SilenceHasLastedSinceTheSameMomentForWhoeverLooks) {
  add(1, 1, 10s);
  good(1);
  const WallTime seen_first = disk(20).since;
  EXPECT_EQ(disk(60).since, seen_first);
}

TEST_F(HealthTest, AnUnknownComponentIsIgnored) {
  add(1, 1);
  health_.report("moon", true, "", at(1));
  EXPECT_EQ(health_.view(at(1)).size(), 1U);
  EXPECT_FALSE(disk(1).ok);
}

TEST_F(HealthTest, ComponentsAreShownInTheOrderTheyWereAdded) {
  for (const char* name : {"z", "a", "m"}) health_.add({name, 1, 1, Duration::max()}, at(0));
  health_.report("a", true, "", at(1));
  const auto views = health_.view(at(1));
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(views[0].name, "z");
  EXPECT_EQ(views[1].name, "a");
  EXPECT_TRUE(views[1].ok);
  EXPECT_EQ(views[2].name, "m");
  EXPECT_FALSE(views[2].ok) << "one's report is not another's";
}

// An engine that hangs says nothing, and so the node that it is part of is not ready.
TEST(NodeHealth, FailsWhenItsEngineFallsSilent) {
  Boot boot;
  boot.id = "a";
  boot.incarnation = Incarnation{7};
  boot.election_timeout = 500ms;
  boot.heartbeat_interval = 100ms;
  boot.probes = true;
  Node node(std::move(boot), "test", at(0));
  const auto engine = [&](int64_t second) {
    for (const ComponentView& component : node.status(at(second)).components) {
      if (component.name == "sdwan") return component;
    }
    return ComponentView{};
  };
  EXPECT_FALSE(engine(0).ok) << "it has not turned yet";
  node.report_health("sdwan", true, "there are no sites", at(1));
  EXPECT_TRUE(engine(11).ok);
  EXPECT_EQ(engine(11).reason, "there are no sites");
  EXPECT_FALSE(engine(12).ok);
  node.report_health("sdwan", true, "", at(20));
  EXPECT_TRUE(engine(20).ok);
}

}  // namespace
}  // namespace patronus::health_test
