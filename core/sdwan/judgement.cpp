#include "core/sdwan/judgement.h"

#include <algorithm>
#include <bit>

namespace patronus::sdwan {
namespace {

void take_smaller(std::optional<uint32_t>& bound, const std::optional<uint32_t>& other) {
  if (other) bound = bound ? std::min(*bound, *other) : *other;
}

bool is_beyond(uint32_t value, const std::optional<uint32_t>& bound) { return bound && value > *bound; }
// A bound of 0 can be kept to, but not by a tenth.
bool is_well_within(uint32_t value, const std::optional<uint32_t>& bound) {
  return !bound || value <= *bound - *bound / 10;
}

bool is_bad(const PathFigures& figures, const PathBounds& bounds) {
  return figures.score < limits::kScoreDegraded || is_beyond(figures.latency_us, bounds.latency_us) ||
         is_beyond(figures.jitter_us, bounds.jitter_us) || is_beyond(figures.loss_ppm, bounds.loss_ppm);
}

bool is_good(const PathFigures& figures, const PathBounds& bounds) {
  return figures.score >= limits::kScoreRestored && is_well_within(figures.latency_us, bounds.latency_us) &&
         is_well_within(figures.jitter_us, bounds.jitter_us) &&
         is_well_within(figures.loss_ppm, bounds.loss_ppm);
}

}  // namespace

void Reachability::note(bool answered) {
  constexpr uint32_t kJudged = (uint32_t{1} << limits::kProbesJudged) - 1;
  outcomes_ = ((outcomes_ << 1) | (answered ? 1U : 0U)) & kJudged;
  if (noted_ < limits::kProbesJudged) ++noted_;
}

void Reachability::forget() {
  outcomes_ = 0;
  noted_ = 0;
}

std::optional<bool> Reachability::state() const {
  if (!is_ready()) return held_;
  const auto heard = static_cast<size_t>(std::popcount(outcomes_));
  if (!held_) return 2 * heard >= limits::kProbesJudged;
  if (*held_) return limits::kProbesJudged - heard < limits::kProbesMissedToFall;
  return heard >= limits::kProbesHeardToRise;
}

void PathBounds::tighten(const PolicyFields& policy) {
  take_smaller(latency_us, policy.max_latency_us);
  take_smaller(jitter_us, policy.max_jitter_us);
  take_smaller(loss_ppm, policy.max_loss_ppm);
}

void PathJudgement::follow(std::optional<PathStatus> held) {
  reachability_.follow(held ? std::optional<bool>(*held != PathStatus::kDown) : std::nullopt);
  // A path that is down is neither; when it comes up it is judged from what it was.
  if (held == PathStatus::kDown || held_degraded_ == (held == PathStatus::kDegraded)) return;
  held_degraded_ = !held_degraded_;
  against_ = 0;
}

void PathJudgement::note(bool answered, const PathFigures& figures, const PathBounds& bounds) {
  reachability_.note(answered);
  const bool contradicts = held_degraded_ ? is_good(figures, bounds) : is_bad(figures, bounds);
  against_ = contradicts ? against_ + 1 : 0;
}

void PathJudgement::forget() {
  reachability_.forget();
  against_ = 0;
}

std::optional<PathStatus> PathJudgement::status() const {
  const std::optional<bool> reachable = reachability_.state();
  if (!reachable) return std::nullopt;
  if (!*reachable) return PathStatus::kDown;
  const size_t needed = held_degraded_ ? limits::kRestoredAfter : limits::kDegradedAfter;
  return held_degraded_ != (against_ >= needed) ? PathStatus::kDegraded : PathStatus::kUp;
}

}  // namespace patronus::sdwan
