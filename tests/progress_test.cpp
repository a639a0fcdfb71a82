// What a leader believes of a follower: it never takes back what it knows, and never sends past its window.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "core/raft/progress.h"

#include "tests/mutant_guard.h"

namespace patronus::progress_test {
namespace {

using namespace std::chrono_literals;

Instant at(int64_t ms) { return Instant{0} + std::chrono::milliseconds(ms); }

class ProgressTest : public ::testing::Test {
 protected:
  void replicate_from(uint64_t match) { (void)progress_.acknowledged(at(0), Index{match}); }
  void send(uint64_t last, size_t bytes = 10, int64_t ms = 0) {
    progress_.sent(at(ms), Index{last}, bytes, Index{});
  }

  Progress progress_{Index{11}, at(0)};
};

TEST_F(ProgressTest, BeginsByProbingOnceAtATime) {
  EXPECT_EQ(progress_.state(), ProgressState::kProbe);
  EXPECT_EQ(progress_.match(), Index{});
  EXPECT_TRUE(progress_.window_open());
  EXPECT_FALSE(progress_.waits());
  send(11);
  EXPECT_FALSE(progress_.window_open());
  EXPECT_TRUE(progress_.waits());
  EXPECT_EQ(progress_.next(), Index{11}) << "a probe may have to be sent again";
}

TEST_F(ProgressTest, AnAcknowledgementBeginsReplication) {
  send(11);
  EXPECT_TRUE(progress_.acknowledged(at(1), Index{10}));
  EXPECT_EQ(progress_.state(), ProgressState::kReplicate);
  EXPECT_EQ(progress_.next(), Index{11});
  EXPECT_FALSE(progress_.acknowledged(at(2), Index{10})) << "no news";
}

// Its disk is full.
TEST_F(ProgressTest, WhoTakesNoneOfAProbeIsOfferedItAgainWhenItIsOverdue) {
  replicate_from(10);
  send(11);
  send(12);
  progress_.refused(Index{11}, Index{11}, Index{});
  ASSERT_EQ(progress_.state(), ProgressState::kProbe);
  send(12, 10, 5);
  EXPECT_FALSE(progress_.acknowledged(at(6), Index{10}));
  EXPECT_FALSE(progress_.window_open()) << "they would go on at the network's pace";
  EXPECT_TRUE(progress_.overdue(at(105), 100ms));
  progress_.restart();
  send(12, 10, 105);
  EXPECT_TRUE(progress_.acknowledged(at(106), Index{11})) << "it has taken one";
  EXPECT_EQ(progress_.state(), ProgressState::kReplicate);
  EXPECT_EQ(progress_.next(), Index{12});
}

TEST_F(ProgressTest, TheMutantOffersItAtOnce) {
  const test::MutantGuard guard(Mutant::kOfferAtOnce);
  replicate_from(10);
  progress_.restart();
  send(12);
  EXPECT_FALSE(progress_.acknowledged(at(6), Index{10}));
  EXPECT_TRUE(progress_.window_open());
}

TEST_F(ProgressTest, AProbeWithoutEntriesIsAnsweredByWhatIsKnown) {
  replicate_from(10);
  progress_.restart();
  send(10);
  EXPECT_FALSE(progress_.acknowledged(at(6), Index{10}));
  EXPECT_EQ(progress_.state(), ProgressState::kReplicate);
}

TEST_F(ProgressTest, TheWindowHasSoManyMessages) {
  replicate_from(10);
  for (size_t i = 1; i <= limits::kInflightMessagesMax; ++i) {
    EXPECT_TRUE(progress_.window_open());
    send(10 + i);
  }
  EXPECT_FALSE(progress_.window_open());
  EXPECT_EQ(progress_.next(), Index{11 + limits::kInflightMessagesMax});
  EXPECT_TRUE(progress_.acknowledged(at(1), Index{11}));
  EXPECT_TRUE(progress_.window_open());
}

TEST_F(ProgressTest, TheWindowHasSoManyBytes) {
  replicate_from(10);
  send(11, limits::kInflightBytesMax);
  EXPECT_FALSE(progress_.window_open());
  EXPECT_TRUE(progress_.acknowledged(at(1), Index{11}));
  EXPECT_TRUE(progress_.window_open());
}

TEST_F(ProgressTest, AMessageWithoutEntriesTakesNoRoom) {
  replicate_from(10);
  for (int i = 0; i < 20; ++i) send(10);
  EXPECT_TRUE(progress_.window_open());
  EXPECT_FALSE(progress_.waits());
}

TEST_F(ProgressTest, WhatIsNotAnsweredInTimeIsOverdue) {
  replicate_from(10);
  EXPECT_FALSE(progress_.overdue(at(5000), 1s)) << "nothing was sent";
  send(11, 10, 100);
  send(12, 10, 900);
  EXPECT_FALSE(progress_.overdue(at(1099), 1s));
  EXPECT_TRUE(progress_.overdue(at(1100), 1s));
  EXPECT_TRUE(progress_.acknowledged(at(1100), Index{11}));
  EXPECT_FALSE(progress_.overdue(at(2099), 1s)) << "an answer gives the rest its time anew";
  EXPECT_TRUE(progress_.overdue(at(2100), 1s));
}

TEST_F(ProgressTest, ARefusedProbeGoesBack) {
  send(11);
  progress_.refused(Index{10}, Index{5}, Index{});
  EXPECT_EQ(progress_.next(), Index{5});
  EXPECT_TRUE(progress_.window_open());
}

// An answer to an earlier probe says nothing of this one.
TEST_F(ProgressTest, ALateRefusalOfAProbeChangesNothing) {
  send(11);
  progress_.refused(Index{10}, Index{5}, Index{});
  send(5);
  progress_.refused(Index{10}, Index{2}, Index{});
  EXPECT_EQ(progress_.next(), Index{5});
  EXPECT_FALSE(progress_.window_open()) << "the probe under way still is";
}

// What was acknowledged is on the follower's disk: no refusal takes that back.
TEST_F(ProgressTest, ARefusalNeverGoesBelowTheMatch) {
  replicate_from(10);
  send(11);
  progress_.refused(Index{9}, Index{3}, Index{});
  EXPECT_EQ(progress_.state(), ProgressState::kReplicate);
  progress_.refused(Index{11}, Index{3}, Index{});
  EXPECT_EQ(progress_.state(), ProgressState::kProbe);
  EXPECT_EQ(progress_.next(), Index{11});
  EXPECT_EQ(progress_.match(), Index{10});
}

TEST_F(ProgressTest, ARestartBeginsAfterWhatIsKnown) {
  replicate_from(10);
  progress_.sent(at(0), Index{20}, 10, Index{9});
  EXPECT_EQ(progress_.commit_sent(), Index{9});
  progress_.restart();
  EXPECT_EQ(progress_.state(), ProgressState::kProbe);
  EXPECT_EQ(progress_.next(), Index{11});
  EXPECT_TRUE(progress_.window_open());
  EXPECT_EQ(progress_.commit_sent(), Index{}) << "that may be lost too";
}

TEST_F(ProgressTest, RememberedNumbersOnlyGrow) {
  progress_.acknowledged_round(Round{5});
  progress_.acknowledged_round(Round{3});
  EXPECT_EQ(progress_.acked_round(), Round{5});
  progress_.set_applied(Index{7});
  progress_.set_applied(Index{2});
  EXPECT_EQ(progress_.applied(), Index{7});
}

TEST_F(ProgressTest, IsHeardOnlyOnceItSpoke) {
  EXPECT_FALSE(progress_.heard());
  progress_.contact(at(7));
  EXPECT_TRUE(progress_.heard());
  EXPECT_EQ(progress_.last_contact(), at(7));
}

// The logs meet below the base: nothing is sent until it turns out that they do not.
TEST_F(ProgressTest, StandsStillBelowTheBase) {
  progress_.keep_above(Index{20});
  EXPECT_EQ(progress_.next(), Index{21});
  EXPECT_EQ(progress_.state(), ProgressState::kProbe) << "it is asked before it is given up";
  progress_.sent(at(1), Index{20}, 0, Index{});
  progress_.refused(Index{20}, Index{3}, Index{20});
  EXPECT_EQ(progress_.state(), ProgressState::kSnapshot);
  EXPECT_FALSE(progress_.window_open());
  EXPECT_FALSE(progress_.waits());
  progress_.keep_above(Index{30});
  EXPECT_EQ(progress_.next(), Index{31});
  EXPECT_EQ(progress_.state(), ProgressState::kSnapshot);
  progress_.sent(at(2), Index{30}, 0, Index{});
  progress_.refused(Index{30}, Index{3}, Index{30});
  EXPECT_EQ(progress_.state(), ProgressState::kSnapshot);
  (void)progress_.acknowledged(at(3), Index{12});
  EXPECT_EQ(progress_.state(), ProgressState::kSnapshot) << "that is still below the base";
  EXPECT_TRUE(progress_.acknowledged(at(3), Index{30}));
  EXPECT_EQ(progress_.state(), ProgressState::kReplicate);
  EXPECT_EQ(progress_.next(), Index{31});
  EXPECT_TRUE(progress_.window_open());
}

// Whatever answers come, early, late, twice: the match never falls, and next is always after it.
RC_GTEST_PROP(ProgressProperty, NeverGoesBack, ()) {
  Progress progress(Index{*rc::gen::inRange<uint64_t>(1, 20)}, at(0));
  Index base;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const Index before = progress.match();
    const Index some{*rc::gen::inRange<uint64_t>(0, 30)};
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        if (!progress.window_open()) break;
        progress.sent(at(i), progress.next(), 1, Index{});
        break;
      case 1:
        RC_ASSERT(progress.acknowledged(at(i), some) == (some > before));
        break;
      case 2:
        progress.refused(some, Index{*rc::gen::inRange<uint64_t>(0, some.value + 2)}, base);
        break;
      case 3:
        base = std::max(base, Index{*rc::gen::inRange<uint64_t>(0, 12)});
        progress.keep_above(base);
        break;
      default:
        progress.restart();
    }
    RC_ASSERT(progress.match() >= before);
    RC_ASSERT(progress.next() > progress.match());
    const bool stands = progress.state() == ProgressState::kSnapshot;
    if (!progress.window_open()) RC_ASSERT(progress.waits() || stands);
    if (stands) RC_ASSERT(!progress.window_open() && !progress.overdue(at(1'000'000), Duration{1}));
  }
}

}  // namespace
}  // namespace patronus::progress_test
