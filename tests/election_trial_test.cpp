// Figure 16 of the Raft paper, a few trials of it; `make bench-figure16` makes all of them.
#include "sim/election_trial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace patronus::sim::election_trial_test {
namespace {

using namespace std::chrono_literals;

std::vector<Duration> times(const ElectionTrial& trial) {
  std::vector<Duration> all;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::optional<Duration> time = time_without_leader(trial, seed, 60s);
    EXPECT_TRUE(time) << "seed " << seed;
    all.push_back(time.value_or(60s));
  }
  std::sort(all.begin(), all.end());
  return all;
}

// The paper: a median of 287 ms with 5 ms of randomness, and with 50 ms nothing above 513 ms.
TEST(Figure16, ThePapersTimeoutsGiveThePapersTimes) {
  const std::vector<Duration> little = times({.election_timeout = 150ms, .paper_window = 5ms});
  EXPECT_GT(little[10], 100ms);
  EXPECT_LT(little[10], 500ms);
  const std::vector<Duration> more = times({.election_timeout = 150ms, .paper_window = 50ms});
  EXPECT_GE(more.front(), 75ms) << "half a timeout is the least";
  EXPECT_LT(more.back(), 600ms);
  EXPECT_LT(more[10], little[10]);
}

TEST(Figure16, OursIsWithinTheTimeoutAndAWindow) {
  const std::vector<Duration> silent = times({.election_timeout = 150ms, .paper_window = std::nullopt});
  EXPECT_GE(silent.front(), 120ms);
  EXPECT_LT(silent.back(), 350ms);
}

// The machine of a process that crashed says so.
TEST(Figure16, WhoIsToldOfACrashDoesNotWaitForATimeout) {
  const std::vector<Duration> told =
      times({.election_timeout = 1s, .paper_window = std::nullopt, .is_told = true});
  EXPECT_LT(told[10], 100ms);
  EXPECT_LT(told.back(), 500ms);
}

TEST(Figure16, ASeedGivesTheSameTime) {
  const ElectionTrial trial{.election_timeout = 50ms, .paper_window = 50ms};
  EXPECT_EQ(time_without_leader(trial, 7, 60s), time_without_leader(trial, 7, 60s));
}

}  // namespace
}  // namespace patronus::sim::election_trial_test
