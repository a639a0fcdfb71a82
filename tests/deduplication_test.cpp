// A write that comes through the log twice counts once, and what must be remembered for that is bounded.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/deduplication.h"

namespace patronus::deduplication_test {
namespace {

using Verdict = Deduplication::Verdict;
constexpr Incarnation kA{11};
constexpr Incarnation kB{22};

Configuration members(std::vector<Incarnation> incarnations) {
  Configuration configuration{{{1, 2}}, {}};
  for (const Incarnation incarnation : incarnations) {
    configuration.members.push_back(
        {"n" + std::to_string(incarnation.value), incarnation, "", "", Standing::kVoter});
  }
  return configuration;
}

class DeduplicationTest : public ::testing::Test {
 protected:
  DeduplicationTest() { deduplication_.set_members(members({kA, kB})); }
#ifdef PATRONUS_MUTANTS
  // The mutant of the whole process is put back whatever a test does.
  void TearDown() override { active_mutant = Mutant::kNone; }
#endif

  Verdict note(Incarnation who, uint64_t sequence, uint64_t resolved_below = 1) {
    return deduplication_.note({who, sequence, resolved_below});
  }

  Deduplication deduplication_;
};

// Scenario 36: the leader was lost after it had taken the write, so the write was sent to the next as well.
TEST_F(DeduplicationTest, ARepeatedWriteIsKnown) {
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
  EXPECT_EQ(note(kA, 1), Verdict::kRepeated);
  EXPECT_EQ(note(kA, 2), Verdict::kFirst);
  EXPECT_EQ(note(kA, 1), Verdict::kRepeated);
}

TEST_F(DeduplicationTest, NodesNumberTheirWritesEachForItself) {
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
  EXPECT_EQ(note(kB, 1), Verdict::kFirst);
}

// Writes are sent side by side and may come through the log in any order.
TEST_F(DeduplicationTest, OrderDoesNotMatter) {
  EXPECT_EQ(note(kA, 5), Verdict::kFirst);
  EXPECT_EQ(note(kA, 3), Verdict::kFirst);
  EXPECT_EQ(note(kA, 5), Verdict::kRepeated);
  EXPECT_EQ(note(kA, 4), Verdict::kFirst);
}

// Below the floor nothing is remembered one by one, and nothing is taken any more: a copy that comes late is
// one of a write its origin has given up, or seen.
TEST_F(DeduplicationTest, WhatItsOriginResolvedIsNotTakenAgain) {
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
  EXPECT_EQ(note(kA, 4, 4), Verdict::kFirst);
  EXPECT_EQ(note(kA, 1), Verdict::kRepeated);
  EXPECT_EQ(note(kA, 2), Verdict::kRepeated) << "it never came, but nobody waits for it";
  EXPECT_EQ(note(kA, 4), Verdict::kRepeated);
}

TEST_F(DeduplicationTest, AFloorNeverGoesBack) {
  EXPECT_EQ(note(kA, 9, 9), Verdict::kFirst);
  EXPECT_EQ(note(kA, 10, 2), Verdict::kFirst);
  EXPECT_EQ(note(kA, 5, 2), Verdict::kRepeated);
}

TEST_F(DeduplicationTest, WritesOutsideTheWindowAreRefused) {
  EXPECT_EQ(note(kA, limits::kWritesInFlightMax), Verdict::kFirst);
  EXPECT_EQ(note(kA, limits::kWritesInFlightMax + 1), Verdict::kRefused);
  EXPECT_EQ(note(kA, limits::kWritesInFlightMax + 1, 2), Verdict::kFirst)
      << "the window moved with the floor";
  EXPECT_EQ(note(kA, ~uint64_t{0}, 2), Verdict::kRefused);
}

// After a restart numbers go on far above: the new boot's floor comes with its first write.
TEST_F(DeduplicationTest, ANewBootMovesTheWindow) {
  const uint64_t boot = uint64_t{2} << limits::kSequenceBitsPerBoot;
  EXPECT_EQ(note(kA, 7), Verdict::kFirst);
  EXPECT_EQ(note(kA, boot + 1, boot + 1), Verdict::kFirst);
  EXPECT_EQ(note(kA, 7), Verdict::kRepeated);
}

TEST_F(DeduplicationTest, OnlyMembersMayWrite) {
  EXPECT_EQ(note(Incarnation{33}, 1), Verdict::kRefused);
  deduplication_.set_members(members({kA, Incarnation{33}}));
  EXPECT_EQ(note(Incarnation{33}, 1), Verdict::kFirst);
  EXPECT_EQ(note(kB, 1), Verdict::kRefused);
}

TEST_F(DeduplicationTest, WhoStaysAMemberKeepsItsWindow) {
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
  deduplication_.set_members(members({kA, Incarnation{33}}));
  EXPECT_EQ(note(kA, 1), Verdict::kRepeated);
}

// A refused write leaves no trace that would make a later, lawful one look repeated.
TEST_F(DeduplicationTest, ARefusedWriteIsNotRemembered) {
  const uint64_t before = deduplication_.hash();
  EXPECT_EQ(note(kA, limits::kWritesInFlightMax + 1), Verdict::kRefused);
  EXPECT_EQ(note(Incarnation{33}, 1), Verdict::kRefused);
  EXPECT_EQ(deduplication_.hash(), before);
}

#ifdef PATRONUS_MUTANTS
// Without the protection the second copy counts as a first one: ARepeatedWriteIsKnown sees it.
TEST_F(DeduplicationTest, TheMutantTakesEverythingTwice) {
  active_mutant = Mutant::kNoDeduplication;
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
  EXPECT_EQ(note(kA, 1), Verdict::kFirst);
}
#endif

Verdict expected_verdict(const std::set<uint64_t>& noted, uint64_t floor, uint64_t sequence) {
  if (sequence < floor || noted.contains(sequence)) return Verdict::kRepeated;
  return sequence - floor < limits::kWritesInFlightMax ? Verdict::kFirst : Verdict::kRefused;
}

// Against a model that forgets nothing.
RC_GTEST_PROP(DeduplicationModel, AgreesWithOneThatForgetsNothing, ()) {
  Deduplication deduplication;
  deduplication.set_members(members({kA}));
  std::set<uint64_t> noted;
  uint64_t floor = 1;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const auto sequence = *rc::gen::inRange<uint64_t>(1, 40) + (*rc::gen::inRange(0, 20) == 0 ? 5000 : 0);
    const auto resolved_below = *rc::gen::inRange<uint64_t>(0, sequence + 1);
    // A write that was there before does not move the floor; its first copy did.
    const bool repeated = sequence < floor || noted.contains(sequence);
    if (!repeated) floor = std::max(floor, resolved_below);
    const Verdict expected = expected_verdict(noted, floor, sequence);
    RC_ASSERT(deduplication.note({kA, sequence, resolved_below}) == expected);
    if (expected == Verdict::kFirst) noted.insert(sequence);
  }
}

// The hash says what is remembered: another order of the same writes gives the same, one more another.
RC_GTEST_PROP(DeduplicationModel, TheHashIsOfWhatIsRemembered, ()) {
  const auto sequences = *rc::gen::unique<std::vector<uint64_t>>(rc::gen::inRange<uint64_t>(1, 1000));
  Deduplication forwards;
  Deduplication backwards;
  for (Deduplication* one : {&forwards, &backwards}) one->set_members(members({kA}));
  for (auto at = sequences.begin(); at != sequences.end(); ++at) (void)forwards.note({kA, *at, 1});
  for (auto at = sequences.rbegin(); at != sequences.rend(); ++at) (void)backwards.note({kA, *at, 1});
  RC_ASSERT(forwards.hash() == backwards.hash());
  (void)forwards.note({kA, 2000, 1});
  RC_ASSERT(forwards.hash() != backwards.hash());
}

// Once all members have left, nothing is remembered and the hash is that of nothing.
TEST(DeduplicationModel, ForgettingTakesEverythingOutOfTheHash) {
  Deduplication deduplication;
  const uint64_t nothing = deduplication.hash();
  deduplication.set_members(members({kA, kB}));
  for (uint64_t i = 1; i < 50; ++i) (void)deduplication.note({i % 2 == 0 ? kA : kB, i, i / 2});
  deduplication.set_members(members({}));
  EXPECT_EQ(deduplication.hash(), nothing);
}

}  // namespace
}  // namespace patronus::deduplication_test
