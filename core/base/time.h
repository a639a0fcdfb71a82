// Time as the core knows it: an argument, never a clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace patronus {

using Duration = std::chrono::nanoseconds;

// Whole milliseconds, of which what people and other programs are told is made.
[[nodiscard]] constexpr int64_t in_ms(Duration duration) { return duration.count() / 1'000'000; }

// A point on this process's monotonic clock, in nanoseconds. Never compared across nodes.
struct Instant {
  int64_t ns = 0;

  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
  friend constexpr Instant operator+(Instant at, Duration by) { return Instant{at.ns + by.count()}; }
  friend constexpr Instant operator-(Instant at, Duration by) { return Instant{at.ns - by.count()}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration{a.ns - b.ns}; }

  // The instant that never comes: the deadline of something that waits for nothing.
  static constexpr Instant never() { return Instant{std::numeric_limits<int64_t>::max()}; }
};

// Milliseconds since the Unix epoch, as a wall clock tells them. It may jump, so nothing that must be
// ordered depends on it.
struct WallTime {
  int64_t unix_ms = 0;

  friend constexpr auto operator<=>(const WallTime&, const WallTime&) = default;
};

// What a step is told about time: both clocks, read once.
struct Now {
  Instant mono;
  WallTime wall;
};

}  // namespace patronus
