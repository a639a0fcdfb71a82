#include "io/auth/rate_limiter.h"

#include <algorithm>
#include <iterator>

#include "core/base/assert.h"

namespace patronus::auth {
namespace {

// How many of the buckets used longest ago are looked at, to forget full ones and to choose among the others.
constexpr size_t kLookedAt = 8;

std::string_view bounded(std::string_view key) { return key.substr(0, limits::kRateLimitKeyBytesMax); }

}  // namespace

RateLimiter::RateLimiter(RateLimit limit, size_t keys_max) : limit_(limit), keys_max_(keys_max) {
  PATRONUS_ASSERT(limit.burst >= 1 && limit.burst <= limits::kRateLimitBurstMax, "a bounded burst");
  PATRONUS_ASSERT(limit.refill > Duration{0} && limit.refill <= limits::kRateLimitRefillMax,
                  "a bounded refill time");
  PATRONUS_ASSERT(keys_max > 0, "a table has room");
}

Instant RateLimiter::last_chance(Instant now) const {
  return now + limit_.refill * (int64_t{limit_.burst} - 1);
}

bool RateLimiter::take(std::string_view key, Instant now) {
  key = bounded(key);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    make_room(now);
    buckets_.push_front({std::string(key), now});
    found = by_key_.emplace(buckets_.front().key, buckets_.begin()).first;
  } else {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
  }
  Bucket& bucket = *found->second;
  if (bucket.full_at > last_chance(now)) return false;
  bucket.full_at = std::max(bucket.full_at, now) + limit_.refill;
  return true;
}

void RateLimiter::give_back(std::string_view key) {
  const auto found = by_key_.find(bounded(key));
  if (found == by_key_.end()) return;  // forgotten, which is as good as full
  found->second->full_at = found->second->full_at - limit_.refill;
}

Duration RateLimiter::retry_after(std::string_view key, Instant now) const {
  const auto found = by_key_.find(bounded(key));
  if (found == by_key_.end()) return Duration{0};
  return std::max(Duration{0}, found->second->full_at - last_chance(now));
}

void RateLimiter::make_room(Instant now) {
  auto fullest = buckets_.end();
  auto bucket = buckets_.end();
  for (size_t i = 0; i < kLookedAt && bucket != buckets_.begin(); ++i) {
    --bucket;
    if (bucket->full_at <= now) {
      forget(bucket++);
      continue;
    }
    if (fullest == buckets_.end() || bucket->full_at < fullest->full_at) fullest = bucket;
  }
  if (buckets_.size() >= keys_max_ && fullest != buckets_.end()) forget(fullest);
}

void RateLimiter::forget(Buckets::iterator bucket) {
  by_key_.erase(bucket->key);
  buckets_.erase(bucket);
}

}  // namespace patronus::auth
