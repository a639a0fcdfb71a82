// What the engine does each second: it follows the tables, proposes verdicts where it leads, and says that it
// is well.
#include <algorithm>
#include <cstdio>

#include "core/base/limits.h"
#include "io/sdwan/engine.h"

namespace patronus::sdwan {

void Engine::each_second(Now now) {
  targets_.follow(world_.tables());
  propose_verdicts(now.mono);
  count();
  world_.turned(remark());
}

void Engine::propose_verdicts(Instant now) {
  if (options_.interval == Duration{0} || is_cut_off_ || !world_.may_propose()) return keeper_.rest();
  const Tables& tables = world_.tables();
  if (!keeper_.may_propose(tables, now)) return;
  std::vector<EndpointFinding> endpoints;
  std::vector<PathFinding> paths;
  for (size_t i = 0; i < std::min(targets_.size(), limits::kVerdictScan); ++i) {
    scan_cursor_ = scan_cursor_ >= targets_.size() ? 0 : scan_cursor_;
    const Target& target = *targets_.at(scan_cursor_++);
    if (!target.is_path) {
      const std::optional<bool> reachable = target.judged.state();
      if (target.judged.is_ready() && reachable)
        endpoints.push_back({&target.place, *reachable, target.seen_wall_ms});
      continue;
    }
    const std::optional<PathStatus> status = target.path_judged.status();
    if (!target.path_judged.is_ready() || !status || target.window.size() < limits::kFirstVerdictProbes)
      continue;
    paths.push_back({&target.path, *status, target.figures(), target.window.is_full()});
  }
  std::optional<VerdictsOp> verdicts = keeper_.take(tables, endpoints, paths, now);
  if (!verdicts) return;
  figures_.verdicts += verdicts->endpoints.size() + verdicts->paths.size();
  world_.propose(std::move(*verdicts));
}

void Engine::count() {
  figures_.endpoints = targets_.endpoints();
  figures_.paths = targets_.size() - targets_.endpoints();
  figures_.endpoints_reachable = 0;
  figures_.paths_up = 0;
  figures_.paths_degraded = 0;
  figures_.paths_down = 0;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const Target& target = *targets_.at(i);
    if (!target.is_path) {
      if (target.judged.state().value_or(false)) ++figures_.endpoints_reachable;
      continue;
    }
    const std::optional<PathStatus> status = target.path_judged.status();
    if (status == PathStatus::kUp) ++figures_.paths_up;
    if (status == PathStatus::kDegraded) ++figures_.paths_degraded;
    if (status == PathStatus::kDown) ++figures_.paths_down;
  }
  figures_.is_cut_off = is_cut_off_;
  const bool probes = options_.interval > Duration{0} && targets_.size() > 0;
  figures_.interval_seconds = probes ? static_cast<double>(interval().count()) / 1e9 : 0;
}

std::string Engine::remark() const {
  if (options_.interval == Duration{0}) return "probes are off";
  if (targets_.size() == 0) return "there are no sites";
  if (is_cut_off_)
    return "hears none of " + std::to_string(targets_.endpoints()) +
           " endpoints, so that it is taken to be cut off itself; it gives no verdicts";
  if (interval() > options_.interval) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.1f", figures_.interval_seconds);
    return std::string("probes each only every ") + seconds.data() + " s, since there are " +
           std::to_string(targets_.size());
  }
  return "";
}

}  // namespace patronus::sdwan
