// What this node's own probes have measured: the newest, and as far back as is kept. It stays on this node;
// what the cluster holds true is in Tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/state/table_ops.h"
#include "core/state/tables.h"

namespace patronus::sdwan {

// Of an endpoint or a path, over the window of its last probes as it was at that moment.
struct Sample {
  WallTime at;
  uint32_t latency_us = 0;  // round-trip time, smoothed; 0 where nothing was answered
  uint32_t jitter_us = 0;   // RFC 3550, section 6.4.1, of round-trip times
  uint32_t loss_ppm = 0;
  uint8_t score = 0;      // 0 to 100
  bool answered = false;  // something in the window was

  friend bool operator==(const Sample&, const Sample&) = default;
};

// For routes and metrics; asked on the loop's thread.
class Samples {
 public:
  virtual ~Samples() = default;

  // Nothing: not probed here, or not for long enough to say anything.
  virtual std::optional<Sample> latest(const EndpointKey& endpoint) const = 0;
  virtual std::optional<Sample> latest(const PathKey& path) const = 0;
  // Not older than `from`, the oldest first; empty if there are none.
  virtual std::vector<Sample> since(const EndpointKey& endpoint, WallTime from) const = 0;
  virtual std::vector<Sample> since(const PathKey& path, WallTime from) const = 0;
};

}  // namespace patronus::sdwan
