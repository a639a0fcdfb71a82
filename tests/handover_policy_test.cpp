// When a leader hands over by itself, and when it must not. Each test shows both sides.
#include "core/handover_policy.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "core/health/disk_pace.h"

namespace patronus::handover_policy_test {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTimeout = 1s;
constexpr Duration kPatience = limits::kHandOverPatienceTimeouts * kTimeout;
constexpr Duration kFast = 2ms;
constexpr Duration kSlow = 400ms;
const Instant kLedSince{1'000'000'000};

// Asks once a step, as a leader does at each heartbeat; when and to whom it first hands over.
struct Asked {
  std::optional<HandOverPolicy::Choice> choice;
  Duration after{};
};
Asked ask_for(HandOverPolicy& policy, Duration time, Duration pace, const std::vector<Contender>& contenders,
              Instant from = kLedSince, Instant led_since = kLedSince) {
  for (Duration at{}; at <= time; at += 100ms) {
    if (auto choice = policy.review(from + at, led_since, pace, LogRoom::kPlenty, contenders))
      return {std::move(choice), at};
  }
  return {};
}

TEST(DiskPace, IsKnownFromTheFirstWriteAndSettledAfterFour) {
  DiskPace pace;
  EXPECT_EQ(pace.pace(kLedSince), Duration{0}) << "not known yet";
  for (int i = 0; i < 3; ++i) pace.done(kSlow);
  EXPECT_EQ(pace.pace(kLedSince), kSlow);
  EXPECT_FALSE(pace.is_settled());
  pace.done(kSlow);
  EXPECT_TRUE(pace.is_settled());
  for (int i = 0; i < 5; ++i) pace.done(kFast);
  EXPECT_EQ(pace.pace(kLedSince), kFast);
  pace.done(10s);
  EXPECT_EQ(pace.pace(kLedSince), kFast) << "one of eight";
}

TEST(DiskPace, AWriteThatHangsCountsBeforeItIsDone) {
  DiskPace pace;
  for (size_t i = 0; i < DiskPace::kWrites; ++i) pace.done(kFast);
  pace.began(kLedSince);
  EXPECT_EQ(pace.pace(kLedSince), kFast);
  EXPECT_EQ(pace.pace(kLedSince + 3s), 3s);
  pace.done(3s);
  EXPECT_EQ(pace.pace(kLedSince + 4s), kFast);
}

TEST(LeaderPriority, AHigherOneIsHandedLeadershipOnceItHasLastedAWhile) {
  HandOverPolicy policy(10, kTimeout);
  const Asked asked = ask_for(policy, 60s, kFast, {{"b", 20, kFast}, {"c", 30, kFast}, {"d", 0, kFast}});
  ASSERT_TRUE(asked.choice);
  EXPECT_EQ(asked.choice->target, "c");
  EXPECT_GE(asked.after, kPatience);
}

TEST(LeaderPriority, EqualOrLowerOnesChangeNothing) {
  HandOverPolicy policy(10, kTimeout);
  EXPECT_FALSE(ask_for(policy, 600s, kFast, {{"b", 10, kFast}, {"c", 0, kFast}}).choice);
  EXPECT_TRUE(ask_for(policy, 600s, kFast, {{"b", 11, kFast}}).choice);
}

TEST(LeaderPriority, NobodyWithASlowDiskIsPreferred) {
  HandOverPolicy policy(0, kTimeout);
  EXPECT_FALSE(ask_for(policy, 600s, kFast, {{"b", 100, kSlow}, {"c", 100, Duration{0}}}).choice);
  EXPECT_TRUE(ask_for(policy, 600s, kFast, {{"b", 100, kFast}}).choice);
}

// Scenario 43.
TEST(SlowDisk, HandsOverToAClearlyFasterOne) {
  HandOverPolicy policy(0, kTimeout);
  const Asked asked = ask_for(policy, 60s, kSlow, {{"b", 0, 20ms}, {"c", 0, kFast}});
  ASSERT_TRUE(asked.choice);
  EXPECT_EQ(asked.choice->target, "c");
  EXPECT_GE(asked.after, kPatience) << "slow for a while";
}

TEST(SlowDisk, WhereAllAreSlowNobodyHandsOver) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> slow{{"b", 0, kSlow}, {"c", 0, kSlow / 3}, {"d", 0, Duration{0}}};
  EXPECT_FALSE(ask_for(policy, 600s, kSlow, slow).choice);
  EXPECT_TRUE(ask_for(policy, 600s, kSlow, {{"b", 0, kFast}}).choice);
}

TEST(SlowDisk, ASpellShorterThanThePatienceIsForgiven) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> fast{{"b", 0, kFast}};
  for (Instant at = kLedSince; at < kLedSince + 100s; at = at + kPatience) {
    EXPECT_FALSE(ask_for(policy, kPatience - 1s, kSlow, fast, at).choice);
    EXPECT_FALSE(ask_for(policy, 900ms, kFast, fast, at + (kPatience - 1s)).choice);
  }
}

// Between half the bound and the bound it is neither slow nor good again.
TEST(SlowDisk, HasHysteresis) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> fast{{"b", 0, kFast}};
  const Duration between = policy.slow_above() * 3 / 4;
  EXPECT_FALSE(ask_for(policy, 600s, between, fast).choice) << "never was slow";
  EXPECT_FALSE(ask_for(policy, 0s, kSlow, fast, kLedSince + 600s).choice);
  EXPECT_TRUE(ask_for(policy, 60s, between, fast, kLedSince + 600s).choice) << "was, and is not good again";
}

// A disk that was slow in a former leadership must show it again in this one.
TEST(SlowDisk, IsLookedAtAfreshInEachLeadership) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> fast{{"b", 0, kFast}};
  ASSERT_TRUE(ask_for(policy, 60s, kSlow, fast).choice);
  const Instant again = kLedSince + 1000s;
  const Asked asked = ask_for(policy, 60s, kSlow, fast, again, again);
  ASSERT_TRUE(asked.choice);
  EXPECT_GE(asked.after, kPatience);
}

// Scenario 42: at once, and to who has room.
TEST(HandOverOnFullDisk, IsLeftAtOnceForOneWithRoom) {
  HandOverPolicy policy(100, kTimeout);
  const std::vector<Contender> others{{"b", 0, kFast, LogRoom::kUnknown}, {"c", 0, kSlow, LogRoom::kPlenty}};
  const auto choice = policy.review(kLedSince, kLedSince, kFast, LogRoom::kLow, others);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->target, "c");
  EXPECT_FALSE(policy.review(kLedSince + 100ms, kLedSince, kFast, LogRoom::kLow, others))
      << "it is on its way";
  EXPECT_TRUE(policy.review(kLedSince + 2s, kLedSince, kFast, LogRoom::kLow, others)) << "it came to nothing";
}

TEST(HandOverOnFullDisk, WhereNobodyHasMoreRoomLeadershipStays) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> full{{"b", 0, kFast, LogRoom::kLow}, {"c", 0, kFast, LogRoom::kNone}};
  for (Instant at = kLedSince; at < kLedSince + 600s; at = at + 100ms)
    EXPECT_FALSE(policy.review(at, kLedSince, kFast, LogRoom::kLow, full));
  EXPECT_TRUE(policy.review(kLedSince + 601s, kLedSince, kFast, LogRoom::kNone, full))
      << "b can take a little";
}

// It would only come back.
TEST(HandOverOnFullDisk, IsNotHandedLeadershipForAnythingElse) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> full{{"b", 100, kFast, LogRoom::kLow}};
  EXPECT_FALSE(ask_for(policy, 600s, kSlow, full).choice);
}

// Whatever happens around it, a node gives leadership away ever more seldom.
TEST(HandOver, BacksOff) {
  HandOverPolicy policy(0, kTimeout);
  const std::vector<Contender> both{{"b", 100, kFast}};
  std::vector<Instant> given;
  for (Instant at = kLedSince; at < kLedSince + 600s; at = at + 100ms) {
    if (policy.review(at, kLedSince, kSlow, LogRoom::kPlenty, both)) given.push_back(at);
  }
  ASSERT_GE(given.size(), 3U);
  EXPECT_LE(given.size(), 9U) << "4, 8, 16 s and so on, not each 4 s";
  for (size_t i = 2; i < given.size(); ++i)
    EXPECT_GE(given[i] - given[i - 1], 2 * (given[i - 1] - given[i - 2]) - 200ms);
}

}  // namespace
}  // namespace patronus::handover_policy_test
