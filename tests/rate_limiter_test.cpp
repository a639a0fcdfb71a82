// Token buckets: against a plain model, and what a flood of keys can and can't do.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "io/auth/rate_limiter.h"

namespace patronus::auth::rate_limiter_test {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};
constexpr RateLimit kThreeAndOneASecond{3, 1s};

TEST(RateLimiter, GivesTheBurstThenTheRate) {
  RateLimiter limiter(kThreeAndOneASecond);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart + 999ms));
  EXPECT_TRUE(limiter.take("a", kStart + 1s));
  EXPECT_FALSE(limiter.take("a", kStart + 1s));
  // A long rest fills the bucket and no more.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take("a", kStart + 1h));
  EXPECT_FALSE(limiter.take("a", kStart + 1h));
}

TEST(RateLimiter, TellsKeysApart) {
  RateLimiter limiter({1, 1s});
  EXPECT_TRUE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart));
  EXPECT_TRUE(limiter.take("b", kStart));
  EXPECT_TRUE(limiter.take(std::string_view("a\0", 2), kStart));
}

TEST(RateLimiter, SaysWhenToComeBack) {
  RateLimiter limiter(kThreeAndOneASecond);
  EXPECT_EQ(limiter.retry_after("a", kStart), 0s);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.retry_after("a", kStart), 0s);
    ASSERT_TRUE(limiter.take("a", kStart));
  }
  EXPECT_EQ(limiter.retry_after("a", kStart), 1s);
  // Asking in vain puts nothing off.
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limiter.take("a", kStart + 400ms));
  EXPECT_EQ(limiter.retry_after("a", kStart + 400ms), 600ms);
  EXPECT_EQ(limiter.retry_after("a", kStart + 1s), 0s);
}

TEST(RateLimiter, TakesBackWhatASuccessDidNotCost) {
  RateLimiter limiter(kThreeAndOneASecond);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(limiter.take("a", kStart));
    limiter.give_back("a");
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart));
  limiter.give_back("a");
  EXPECT_TRUE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart));
}

TEST(RateLimiter, ABucketNeverHoldsMoreThanItsBurst) {
  RateLimiter limiter(kThreeAndOneASecond);
  limiter.give_back("a");
  ASSERT_TRUE(limiter.take("a", kStart));
  for (int i = 0; i < 50; ++i) limiter.give_back("a");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take("a", kStart));
  EXPECT_FALSE(limiter.take("a", kStart));
}

TEST(RateLimiter, HasABoundWhateverTheKeys) {
  RateLimiter limiter(kThreeAndOneASecond, 100);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(limiter.take(std::to_string(i), kStart));
    ASSERT_LE(limiter.size(), 100U);
  }
  const std::string long_key(1'000'000, 'k');
  EXPECT_TRUE(limiter.take(long_key, kStart));
  EXPECT_TRUE(limiter.take(long_key + "x", kStart));
  EXPECT_TRUE(limiter.take(long_key + "y", kStart));
  EXPECT_FALSE(limiter.take(long_key + "z", kStart)) << "what is beyond the bound does not tell keys apart";
}

TEST(RateLimiter, KeepsNoFullBucketsOnceOthersCome) {
  RateLimiter limiter(kThreeAndOneASecond, 1000);
  for (int i = 0; i < 800; ++i) ASSERT_TRUE(limiter.take("old " + std::to_string(i), kStart));
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(limiter.take("new " + std::to_string(i), kStart + 1s));
  EXPECT_EQ(limiter.size(), 200U);
}

// Scenario: somebody who is refused tries a multitude of other names so that theirs is forgotten.
TEST(RateLimiter, AFloodOfKeysDoesNotFreeAnEmptyBucket) {
  RateLimiter limiter({3, 1min}, 100);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(limiter.take("victim", kStart));
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(limiter.take("flood " + std::to_string(i), kStart));
    ASSERT_GT(limiter.retry_after("victim", kStart), 0s) << i;
  }
  EXPECT_FALSE(limiter.take("victim", kStart));
}

TEST(RateLimiter, TheWidestLimitDoesNotOverflow) {
  RateLimiter limiter({limits::kRateLimitBurstMax, limits::kRateLimitRefillMax}, 10);
  const Instant late{int64_t{1} << 60};
  EXPECT_TRUE(limiter.take("a", late));
  EXPECT_EQ(limiter.retry_after("a", late), 0s);
}

RC_GTEST_PROP(RateLimiterProperty, DoesAsCountedTokensDo, ()) {
  // The model counts in units of which a refill gives one for each nanosecond.
  struct Model {
    int64_t units;
    Instant at;
  };
  const RateLimit limit{*rc::gen::inRange<uint32_t>(1, 5), Duration{*rc::gen::inRange(1, 1000)}};
  const int64_t token = limit.refill.count();
  const int64_t full = token * limit.burst;
  RateLimiter limiter(limit);
  std::map<std::string, Model> models;
  Instant now = kStart;
  const auto steps = *rc::gen::inRange(0, 100);
  for (int step = 0; step < steps; ++step) {
    now = now + Duration{*rc::gen::inRange(0, 1500)};
    const std::string key = std::to_string(*rc::gen::inRange(0, 3));
    Model& model = models.try_emplace(key, Model{full, now}).first->second;
    model.units = std::min(full, model.units + (now - model.at).count());
    model.at = now;
    RC_ASSERT(limiter.retry_after(key, now).count() == std::max<int64_t>(0, token - model.units));
    const bool taken = limiter.take(key, now);
    RC_ASSERT(taken == (model.units >= token));
    if (!taken) continue;
    model.units -= token;
    if (*rc::gen::inRange(0, 3) == 0) {
      limiter.give_back(key);
      model.units += token;
    }
  }
}

}  // namespace
}  // namespace patronus::auth::rate_limiter_test
