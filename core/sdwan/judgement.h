// What the outcomes of probes mean, held against what the cluster holds already: with hysteresis, so that a
// line that loses now and then does not come and go. Whoever begins to lead goes on from what the last leader
// said, since the only thing of its own that a judgement remembers is the last few outcomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/limits.h"
#include "core/state/table_ops.h"

namespace patronus::sdwan {

// What is held to be reachable falls when kProbesMissedToFall of the last kProbesJudged outcomes were misses;
// what is not rises when kProbesHeardToRise of them were answers. Of what nothing is held the majority says
// it.
class Reachability {
 public:
  // What the cluster holds; said again before each outcome.
  void follow(std::optional<bool> held) { held_ = held; }
  void note(bool answered);
  // The outcomes so far say nothing.
  void forget();

  // Before is_ready() it is what is held; nothing: not known.
  std::optional<bool> state() const;
  // It has seen as many outcomes of its own as it judges by.
  bool is_ready() const { return noted_ == limits::kProbesJudged; }

 private:
  std::optional<bool> held_;
  uint32_t outcomes_ = 0;  // the newest in the lowest bit, 1: answered
  size_t noted_ = 0;       // up to kProbesJudged
};

// What its policies ask of a path at most.
struct PathBounds {
  std::optional<uint32_t> latency_us;
  std::optional<uint32_t> jitter_us;
  std::optional<uint32_t> loss_ppm;

  // To the stricter of both.
  void tighten(const PolicyFields& policy);
  friend bool operator==(const PathBounds&, const PathBounds&) = default;
};

struct PathFigures {
  uint32_t latency_us = 0;
  uint32_t jitter_us = 0;
  uint32_t loss_ppm = 0;
  uint8_t score = 0;

  friend bool operator==(const PathFigures&, const PathFigures&) = default;
};

// Down: not reachable. Degraded: its score was below kScoreDegraded, or a figure beyond its bound,
// kDegradedAfter times in a row; no longer when the score was kScoreRestored or more, and all figures a tenth
// below their bounds, kRestoredAfter times in a row.
class PathJudgement {
 public:
  void follow(std::optional<PathStatus> held);
  void note(bool answered, const PathFigures& figures, const PathBounds& bounds);
  void forget();

  std::optional<PathStatus> status() const;
  bool is_ready() const { return reachability_.is_ready(); }

 private:
  Reachability reachability_;
  bool held_degraded_ = false;
  size_t against_ = 0;  // outcomes in a row that contradict that
};

}  // namespace patronus::sdwan
