// How often something may be tried: a bucket of tokens for each key, refilled at a steady rate.
//
// A bucket is one number, the instant at which it will be full again (the generic cell rate algorithm, ITU-T
// I.371): nothing has to run to refill it, and one that is full needn't be kept. The table is bounded; when
// there are more keys than places, the fullest of the buckets that were used longest ago is forgotten. So a
// flood of other keys costs a limit little of its force, and never memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/limits.h"
#include "core/base/time.h"

namespace patronus::auth {

struct RateLimit {
  uint32_t burst = 10;  // tokens in a full bucket, 1 to limits::kRateLimitBurstMax
  Duration refill{};    // the time for one token, above zero, at most limits::kRateLimitRefillMax
};

// Every call takes constant time. Of the loop's thread alone. Keys are bytes; of more than
// limits::kRateLimitKeyBytesMax only that many count.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimit limit, size_t keys_max = limits::kRateLimitKeysMax);

  // Takes a token, or says false when there is none.
  [[nodiscard]] bool take(std::string_view key, Instant now);

  // Puts a token back that take() gave: what was tried turned out to be none of what is limited.
  void give_back(std::string_view key);

  // How long until take() will next say true; zero when it would now.
  [[nodiscard]] Duration retry_after(std::string_view key, Instant now) const;

  [[nodiscard]] size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string key;
    Instant full_at;
  };
  using Buckets = std::list<Bucket>;

  // The latest full_at at which there is still a token at `now`.
  [[nodiscard]] Instant last_chance(Instant now) const;
  void make_room(Instant now);
  void forget(Buckets::iterator bucket);

  const RateLimit limit_;
  const size_t keys_max_;
  Buckets buckets_;                                                 // the most recently used first
  std::unordered_map<std::string_view, Buckets::iterator> by_key_;  // keys point into buckets_
};

}  // namespace patronus::auth
