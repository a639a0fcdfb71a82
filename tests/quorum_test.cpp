// Majorities: any two have a voter in common, and nobody but voters counts.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/base/limits.h"
#include "core/raft/quorum.h"
#include "tests/mutant_guard.h"

namespace patronus::quorum_test {
namespace {

Configuration of(const std::vector<bool>& voters) {
  Configuration configuration{{{1, 2}}, {}};
  for (size_t i = 0; i < voters.size(); ++i) {
    configuration.members.push_back({"n" + std::to_string(i), Incarnation{i + 1}, "", "",
                                     voters[i] ? Standing::kVoter : Standing::kLearner});
  }
  return configuration;
}

TEST(Quorum, IsMoreThanHalf) {
  const std::map<size_t, std::pair<size_t, size_t>> expected{
      {1, {1, 0}}, {2, {2, 0}}, {3, {2, 1}}, {4, {3, 1}}, {5, {3, 2}}, {6, {4, 2}}, {7, {4, 3}}};
  for (const auto& [voters, numbers] : expected) {
    EXPECT_EQ(quorum::majority(voters), numbers.first) << voters;
    EXPECT_EQ(quorum::failure_tolerance(voters), numbers.second) << voters;
  }
  EXPECT_EQ(quorum::failure_tolerance(0), 0U);
}

// Two majorities that share nobody would elect two leaders of one term.
TEST(Quorum, AnyTwoMajoritiesShareAVoter) {
  for (size_t voters = 1; voters <= limits::kMembersMax; ++voters) {
    const Configuration configuration = of(std::vector<bool>(voters, true));
    const auto wins = [&](size_t set) {
      return quorum::has_majority(configuration,
                                  [&](const Member& m) { return (set >> (m.incarnation.value - 1)) & 1; });
    };
    for (size_t a = 0; a < (size_t{1} << voters); ++a) {
      if (!wins(a)) continue;
      for (size_t b = 0; b < (size_t{1} << voters); ++b) {
        ASSERT_TRUE(!wins(b) || (a & b) != 0) << voters << " voters";
      }
    }
  }
}

TEST(Quorum, NobodyWinsWithoutVoters) {
  const auto everyone = [](const Member&) { return true; };
  EXPECT_FALSE(quorum::has_majority(of({}), everyone));
  EXPECT_FALSE(quorum::has_majority(of({false, false}), everyone));
  EXPECT_EQ(quorum::reached_by_majority<Index>(of({false}), [](const Member&) { return Index{7}; }), Index{});
}

TEST(Quorum, ThoseWithoutAVoteDoNotCount) {
  const Configuration configuration = of({true, true, true, false, false});
  EXPECT_FALSE(
      quorum::has_majority(configuration, [](const Member& m) { return m.id == "n0" || !m.votes(); }));
  EXPECT_TRUE(
      quorum::has_majority(configuration, [](const Member& m) { return m.id == "n0" || m.id == "n1"; }));
  EXPECT_EQ(
      quorum::reached_by_majority<Index>(
          configuration, [](const Member& m) { return m.votes() ? Index{m.incarnation.value} : Index{100}; }),
      Index{2});
}

// The value is had by a majority, and no larger one is: by definition, not by sorting as the code does.
RC_GTEST_PROP(Quorum, ReachedIsTheLargestThatAMajorityHas, ()) {
  const auto size = *rc::gen::inRange<size_t>(1, limits::kMembersMax + 1);
  std::vector<bool> voters = *rc::gen::container<std::vector<bool>>(size, rc::gen::arbitrary<bool>());
  const auto values = *rc::gen::container<std::vector<uint64_t>>(size, rc::gen::inRange<uint64_t>(0, 10));
  voters[0] = true;
  const Configuration configuration = of(voters);
  const auto value_of = [&](const Member& m) { return Index{values[m.incarnation.value - 1]}; };
  const Index reached = quorum::reached_by_majority<Index>(configuration, value_of);
  const auto had = [&](Index at_least) {
    return quorum::has_majority(configuration, [&](const Member& m) { return value_of(m) >= at_least; });
  };
  RC_ASSERT(had(reached));
  RC_ASSERT(!had(reached.next()));
}

// Any configuration within the limits, joint or not.
Configuration any_configuration() {
  const auto size = *rc::gen::inRange<size_t>(1, limits::kMembersMax + 1);
  Configuration configuration{{{1, 2}}, {}};
  for (size_t i = 0; i < size; ++i) {
    configuration.members.push_back({"n" + std::to_string(i), Incarnation{i + 1}, "", "",
                                     static_cast<Standing>(*rc::gen::inRange(1, 5))});
  }
  return configuration;
}

std::set<NodeId> any_set_of(const Configuration& a, const Configuration& b) {
  std::set<NodeId> set;
  for (const Configuration* of : {&a, &b}) {
    for (const Member& member : of->members) {
      if (*rc::gen::arbitrary<bool>()) set.insert(member.id);
    }
  }
  return set;
}

// Whatever step a leader may make, whoever has a majority before it and whoever has one after it share a
// voter: so two leaders of one term, or two entries at one place, can't be.
RC_GTEST_PROP(Configuration, QuorumsOfAdjacentConfigurationsIntersect, ()) {
  const Configuration from = any_configuration();
  const bool valid = from.voters(Half::kOutgoing) > 0 && from.voters(Half::kIncoming) > 0;
  RC_PRE(valid);
  Configuration to = after_joint(from);
  if (!from.is_joint()) {
    for (Member& member : to.members) {
      const bool voter = member.standing == Standing::kVoter;
      const bool moves = *rc::gen::arbitrary<bool>();
      if (moves) member.standing = voter ? Standing::kLeaving : Standing::kJoining;
    }
    RC_PRE(to.voters(Half::kIncoming) > 0);
  }
  RC_ASSERT(is_lawful_step(from, to));
  const auto quorums_of = [](const Configuration& configuration, const std::set<NodeId>& set) {
    return quorum::has_majority(configuration, [&](const Member& m) { return set.contains(m.id); });
  };
  const std::set<NodeId> before = any_set_of(from, to);
  const std::set<NodeId> after = any_set_of(from, to);
  if (!quorums_of(from, before) || !quorums_of(to, after)) return;
  RC_ASSERT(std::any_of(before.begin(), before.end(), [&](const NodeId& id) { return after.contains(id); }));
}

// Two of three change places at once. With one majority only, two disjoint sets would do.
bool two_disjoint_sets_decide() {
  const Configuration before = of({true, true, true});
  Configuration joint = before;
  joint.members[0].standing = Standing::kLeaving;
  joint.members[1].standing = Standing::kLeaving;
  joint.members.push_back({"n3", Incarnation{4}, "", "", Standing::kJoining});
  joint.members.push_back({"n4", Incarnation{5}, "", "", Standing::kJoining});
  EXPECT_TRUE(is_lawful_step(before, joint));
  const auto decided_by = [](const Configuration& configuration, const std::set<NodeId>& set) {
    return quorum::has_majority(configuration, [&](const Member& m) { return set.contains(m.id); });
  };
  return decided_by(before, {"n0", "n1"}) && decided_by(joint, {"n3", "n4"});
}
TEST(Configuration, AJointOneNeedsBothMajorities) {
  EXPECT_FALSE(two_disjoint_sets_decide());
  const test::MutantGuard guard(Mutant::kCountOneMajority);
  EXPECT_TRUE(two_disjoint_sets_decide());
}

TEST(Configuration, ALearnerDoesNotCount) {
  Configuration configuration = of({true, true, true, false});
  const auto by_two = [](const Member& m) { return m.id == "n0" || m.id == "n3"; };
  EXPECT_FALSE(quorum::has_majority(configuration, by_two));
  configuration.members[3].standing = Standing::kVoter;
  EXPECT_FALSE(quorum::has_majority(configuration, by_two)) << "two of four";
  configuration.members[3].standing = Standing::kLearner;
  const auto by_learners = [](const Member& m) { return m.id != "n1" && m.id != "n2"; };
  EXPECT_FALSE(quorum::has_majority(configuration, by_learners));
  configuration.members.push_back({"n4", Incarnation{5}, "", "", Standing::kLearner});
  EXPECT_FALSE(quorum::has_majority(configuration, by_learners));
  const test::MutantGuard guard(Mutant::kLearnerCounts);
  EXPECT_TRUE(quorum::has_majority(configuration, by_learners));
}

TEST(Configuration, UnlawfulStepsAreKnown) {
  const Configuration three = of({true, true, true});
  EXPECT_FALSE(is_lawful_step(three, of({true, true}))) << "a voter goes only through a joint configuration";
  EXPECT_FALSE(is_lawful_step(three, of({true, true, true, true})));
  EXPECT_TRUE(is_lawful_step(three, of({true, true, true, false})));
  Configuration joint = three;
  joint.members[2].standing = Standing::kLeaving;
  EXPECT_TRUE(is_lawful_step(three, joint));
  EXPECT_FALSE(is_lawful_step(joint, three)) << "a change that was begun is finished";
  EXPECT_TRUE(is_lawful_step(joint, of({true, true})));
  Configuration other_disk = three;
  other_disk.members[1].incarnation = Incarnation{77};
  EXPECT_FALSE(is_lawful_step(three, other_disk)) << "another disk is another voter";
  Configuration moved = three;
  moved.members[1].peer_address = "elsewhere:7443";
  EXPECT_TRUE(is_lawful_step(three, moved));
}

TEST(Configuration, KnowsAVoterByIdAndDataDirectory) {
  const Configuration configuration = of({true, false});
  EXPECT_TRUE(configuration.is_voter("n0", Incarnation{1}));
  EXPECT_FALSE(configuration.is_voter("n0", Incarnation{9}))
      << "a wiped node is a stranger under its old name";
  EXPECT_FALSE(configuration.is_voter("n1", Incarnation{2})) << "it is a member without a vote";
  EXPECT_FALSE(configuration.is_voter("n2", Incarnation{3}));
  EXPECT_EQ(configuration.voters(), 1U);
  EXPECT_EQ(configuration.find("n1")->id, "n1");
  EXPECT_EQ(configuration.find("n7"), nullptr);
}

}  // namespace
}  // namespace patronus::quorum_test
