// Majorities: any two have a voter in common, and nobody but voters counts.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

#include "core/base/limits.h"
#include "core/raft/quorum.h"

namespace patronus {
namespace {

Configuration of(const std::vector<bool>& voters) {
  Configuration configuration{{{1, 2}}, {}};
  for (size_t i = 0; i < voters.size(); ++i) {
    configuration.members.push_back({"n" + std::to_string(i), Incarnation{i + 1}, "", "", voters[i]});
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
  EXPECT_FALSE(quorum::has_majority(configuration, [](const Member& m) { return m.id == "n0" || !m.voter; }));
  EXPECT_TRUE(
      quorum::has_majority(configuration, [](const Member& m) { return m.id == "n0" || m.id == "n1"; }));
  EXPECT_EQ(
      quorum::reached_by_majority<Index>(
          configuration, [](const Member& m) { return m.voter ? Index{m.incarnation.value} : Index{100}; }),
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
}  // namespace patronus
