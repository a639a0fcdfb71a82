// The leader's next step towards the configuration that is wanted; both sides of each protection.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "core/base/limits.h"
#include "core/raft/membership.h"
#include "tests/mutant_guard.h"

namespace patronus::membership::membership_test {
namespace {

using namespace std::chrono_literals;
using test::MutantGuard;

constexpr Duration kStable = 500ms;
constexpr MemberHealth kGood{true, false, false, 0, 10s};
constexpr MemberHealth kLost{false, true, false, 500, 0s};

// A leader a with other voters, all healthy and wanted.
class World {
 public:
  explicit World(const std::vector<NodeId>& voters) {
    configuration.cluster_id.words = {1, 2};
    view.leader = voters.front();
    view.stable_after = kStable;
    for (const NodeId& id : voters) {
      configuration.members.push_back({id, Incarnation{1}, id, id, Standing::kVoter});
      want(id);
      view.health[id] = kGood;
    }
  }
  void want(const NodeId& id, Incarnation incarnation = Incarnation{1}) {
    view.wanted[id] = {incarnation, id, id};
    view.present.insert({id, incarnation});
  }
  void remove(const NodeId& id, bool force = false) {
    view.wanted.erase(id);
    view.leaving[id] = force;
  }
  Step next() {
    view.configuration = &configuration;
    return next_step(view);
  }
  bool may_remove(const NodeId& id, bool force = false) {
    view.configuration = &configuration;
    return membership::may_remove(view, id, force);
  }
  // Takes the step; false if there is none, or the leader would hand over.
  bool go() {
    Step step = next();
    auto* to = std::get_if<Configuration>(&step);
    if (to == nullptr) return false;
    EXPECT_TRUE(is_lawful_step(configuration, *to)) << describe(*to);
    configuration = *to;
    for (const Member& member : configuration.members) {
      if (!view.health.contains(member.id)) view.health[member.id] = {true, false, false, 100'000, 0s};
    }
    return true;
  }
  std::string text() const { return describe(configuration); }

  Configuration configuration;
  View view;
};

TEST(Membership, WhatIsWantedIsLeftAlone) {
  World world({"a", "b", "c"});
  EXPECT_TRUE(std::holds_alternative<std::monostate>(world.next()));
}

TEST(Membership, ANewNodeLearnsFirstAndVotesOnceItHasCaughtUp) {
  World world({"a", "b", "c"});
  world.want("d");
  world.view.present.erase({"d", Incarnation{1}});
  EXPECT_FALSE(world.go()) << "it is not there";
  world.view.present.insert({"d", Incarnation{1}});
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c, d (learner)");
  world.view.health["d"] = {true, false, false, 100'000, 10s};
  EXPECT_FALSE(world.go()) << "it lags";
  world.view.health["d"] = {true, false, false, 10, kStable / 2};
  EXPECT_FALSE(world.go()) << "it has just come";
  world.view.health["d"] = {true, false, true, 0, 10s};
  EXPECT_FALSE(world.go()) << "it is leaving";
  world.view.health["d"] = kGood;
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c, d (joining)");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c, d");
}

bool an_empty_learner_gets_a_vote() {
  World world({"a", "b", "c"});
  world.want("d");
  EXPECT_TRUE(world.go());
  world.view.health["d"] = {true, false, false, 100'000, 0s};
  return world.go();
}
TEST(Membership, AnEmptyLearnerGetsNoVote) {
  EXPECT_FALSE(an_empty_learner_gets_a_vote());
  const MutantGuard guard(Mutant::kPromoteAtOnce);
  EXPECT_TRUE(an_empty_learner_gets_a_vote());
}

TEST(Membership, AVoterLeavesThroughAJointConfiguration) {
  World world({"a", "b", "c"});
  world.remove("c");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (leaving)");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b");
  EXPECT_FALSE(world.go());
}

TEST(Membership, WhoIsPartingStaysUntilItsClientsHaveGone) {
  World world({"a", "b", "c"});
  world.remove("c");
  world.view.parting.insert("c");
  EXPECT_FALSE(world.go()) << "it still serves";
  world.view.health["c"] = {};
  EXPECT_FALSE(world.go()) << "a new leader has not heard of it yet";
  world.view.health["c"] = kLost;
  EXPECT_TRUE(world.go()) << "it serves nobody";
  World later({"a", "b", "c"});
  later.remove("c");
  EXPECT_TRUE(later.go()) << "its time is over";
}

// Scenario 23: also a leader that finds it so.
TEST(Membership, AJointConfigurationIsLeftFirst) {
  World world({"a", "b", "c"});
  world.configuration.members[1].standing = Standing::kLeaving;
  world.want("d");
  world.remove("c");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, c") << "even though b is wanted: what was begun is finished";
}

TEST(Membership, OneThatComesAndOneThatGoesChangePlaces) {
  World world({"a", "b", "c"});
  world.want("d");
  ASSERT_TRUE(world.go());
  world.remove("c");
  world.view.health["d"] = {true, false, false, 0, kStable / 2};
  EXPECT_FALSE(world.go()) << "it is ready in a moment";
  world.view.health["d"] = kGood;
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (leaving), d (joining)");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, d");
}

TEST(Membership, AWipedDiskIsSwapped) {
  World world({"a", "b", "c"});
  world.want("c", Incarnation{2});
  EXPECT_FALSE(world.go()) << "the old one is heard: two processes share a name";
  world.view.health["c"] = kLost;
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (leaving)");
  ASSERT_TRUE(world.go());
  world.view.health.erase("c");
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (learner)");
  EXPECT_EQ(world.configuration.find("c")->incarnation, Incarnation{2});
  world.view.health["c"] = kGood;
  ASSERT_TRUE(world.go() && world.go());
  EXPECT_EQ(world.text(), "a, b, c");
}

TEST(Membership, ALeaderThatHasToGoHandsOverFirst) {
  World world({"a", "b", "c"});
  world.remove("a");
  EXPECT_TRUE(std::holds_alternative<HandOver>(world.next()));
}

TEST(Membership, WhoWasRemovedAndComesAgainUnderItsNameGoesFirst) {
  World world({"a", "b", "c"});
  world.remove("c");
  world.want("c", Incarnation{2});
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (leaving)") << "although it is still heard";
}

TEST(Membership, AddressesFollow) {
  World world({"a", "b"});
  world.view.wanted["b"].peer_address = "elsewhere";
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.configuration.find("b")->peer_address, "elsewhere");
}

// Scenario 27, and what the API promises: a removal that would cost the majority is refused.
bool a_removal_that_breaks_the_quorum_is_begun() {
  World world({"a", "b", "c"});
  world.view.health["b"] = kLost;
  world.remove("c");
  return world.go();
}
TEST(Membership, ARemovalThatWouldBreakTheQuorumIsNotBegun) {
  EXPECT_FALSE(a_removal_that_breaks_the_quorum_is_begun());
  const MutantGuard guard(Mutant::kRemoveUnguarded);
  EXPECT_TRUE(a_removal_that_breaks_the_quorum_is_begun());
}
TEST(Membership, TheGuardCountsWhoIsHealthyAndStays) {
  World world({"a", "b", "c"});
  EXPECT_TRUE(world.may_remove("b"));
  world.view.health["c"] = kLost;
  EXPECT_FALSE(world.may_remove("b")) << "a alone is no majority of a and c";
  EXPECT_TRUE(world.may_remove("c")) << "the lost one may go";
  EXPECT_FALSE(world.may_remove("b", true)) << "the change could not even be committed";
  EXPECT_TRUE(world.may_remove("nobody"));
  World one({"a"});
  EXPECT_FALSE(one.may_remove("a"));
  EXPECT_FALSE(one.may_remove("a", true)) << "no voter would be left";
}

// Its old disk stays a voter that never answers until the configuration has another one.
TEST(Membership, WhoBeginsAnewCountsAsLostMeanwhile) {
  World two({"a", "b"});
  two.view.configuration = &two.configuration;
  EXPECT_TRUE(may_remove(two.view, "b", false));
  EXPECT_FALSE(may_begin_anew(two.view, "b")) << "a alone is no majority of two";
  World three({"a", "b", "c"});
  three.view.configuration = &three.configuration;
  EXPECT_TRUE(may_begin_anew(three.view, "b"));
  three.view.anew.insert("c");
  EXPECT_FALSE(may_begin_anew(three.view, "b")) << "c is about to lose its disk";
  EXPECT_FALSE(may_remove(three.view, "b", false));
  three.view.anew.clear();
  three.view.health["c"] = kLost;
  EXPECT_FALSE(may_begin_anew(three.view, "b"));
}

TEST(Membership, ByForceOnlyTheStepItselfIsLookedAt) {
  World world({"a", "b", "c", "d", "e"});
  world.view.health["b"] = kLost;
  world.remove("d");
  world.remove("e");
  EXPECT_FALSE(world.may_remove("c")) << "in the end a and b are left, of whom one is lost";
  EXPECT_TRUE(world.may_remove("c", true)) << "a, d and e still are a majority of a, b, d and e";
}

// c has lost its disk and is heard of as healthy still; without b nobody could commit anything.
TEST(Membership, TheGuardDoesNotTrustADiskThatHasASuccessor) {
  World world({"a", "b", "c"});
  world.want("c", Incarnation{2});
  EXPECT_FALSE(world.may_remove("b"));
  world.remove("b");
  EXPECT_FALSE(world.go());
  world.view.health["c"] = kLost;
  ASSERT_TRUE(world.go());
  EXPECT_EQ(world.text(), "a, b, c (leaving)") << "the lost one goes first";
}

// From any configuration to any wish: steps are lawful, and end with what is wanted.
RC_GTEST_PROP(Membership, EveryWishIsReached, ()) {
  World world({"a", "b", "c"});
  const auto wishes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < wishes; ++i) {
    const NodeId id(1, static_cast<char>('a' + *rc::gen::inRange(0, 6)));
    if (id == world.view.leader) continue;
    if (*rc::gen::arbitrary<bool>() && !world.view.wanted.contains(id)) {
      world.want(id, Incarnation{static_cast<uint64_t>(i) + 2});
    } else if (world.view.wanted.contains(id)) {
      world.remove(id);
    }
    const auto steps = *rc::gen::inRange(0, 4);
    for (int s = 0; s < steps; ++s) (void)world.go();
  }
  for (int s = 0; s < 100; ++s) {
    for (auto& [id, health] : world.view.health) health = kGood;
    if (!world.go()) break;
  }
  RC_ASSERT(world.configuration.members.size() == world.view.wanted.size());
  for (const Member& member : world.configuration.members) {
    RC_ASSERT(member.standing == Standing::kVoter);
    RC_ASSERT(world.view.wanted.at(member.id).incarnation == member.incarnation);
  }
}

}  // namespace
}  // namespace patronus::membership::membership_test
