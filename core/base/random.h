// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64: the only source of chance in the core.
// The same seed gives the same numbers everywhere.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/base/assert.h"
#include "core/base/time.h"

namespace patronus {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
      word = z ^ (z >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Evenly from [0, bound), by Lemire's multiplication without the rejection step: the bias is below
  // bound / 2^32, which no timeout notices.
  uint64_t below(uint64_t bound) {
    PATRONUS_ASSERT(bound > 0 && bound <= (uint64_t{1} << 32), "a bound within 32 bits");
    return ((next() >> 32) * bound) >> 32;
  }

  // Evenly from [0, bound) in whole microseconds.
  Duration duration_below(Duration bound) {
    const auto us = static_cast<uint64_t>(bound.count() / 1000);
    return us == 0 ? Duration{0} : Duration{static_cast<int64_t>(below(us)) * 1000};
  }

  uint64_t nonzero() {
    uint64_t v = next();
    while (v == 0) v = next();
    return v;
  }

 private:
  std::array<uint64_t, 4> state_{};
};

}  // namespace patronus
