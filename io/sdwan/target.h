// What is probed: a site's endpoint, or the path from one to another; with all that its probes have said.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "core/base/limits.h"
#include "core/sdwan/judgement.h"
#include "core/sdwan/score.h"
#include "core/sdwan/window.h"
#include "core/state/tables.h"
#include "io/sdwan/samples.h"

namespace patronus::sdwan {

// A site's key, shared by all that are probed with it.
struct SiteKey {
  uint32_t generation = 0;
  std::string bytes;
};

struct Target {
  bool is_path = false;
  EndpointKey place;                       // where its probes go first
  PathKey path;                            // of a path alone, as is what follows
  std::shared_ptr<const SiteKey> key;      // of the place's site
  std::shared_ptr<const SiteKey> far_key;  // of the site where the path ends
  PathBounds bounds;
  PathJudgement path_judged;
  size_t unheard = 0;  // probes in a row that the first site's responder said nothing of

  Reachability judged;  // of an endpoint
  int64_t seen_wall_ms = 0;
  ProbeWindow window;
  std::deque<Sample> samples;  // the oldest first
  Instant sampled;

  PathFigures figures() const {
    PathFigures now{window.smoothed_us(), window.jitter_us(), window.loss_ppm(), 0};
    if (window.size() > 0) now.score = line_score(now.latency_us, now.jitter_us, now.loss_ppm);
    return now;
  }

  // Keeps what the window says now as a sample, at most one for each `spacing`, and not more than `kept`.
  void sample(Now now, Duration spacing, size_t kept) {
    // Probes do not come by the clock: one that is a little early has its sample too.
    if (!samples.empty() && now.mono - sampled < spacing - spacing / 8) return;
    const PathFigures figures_now = figures();
    sampled = now.mono;
    samples.push_back({now.wall, figures_now.latency_us, figures_now.jitter_us, figures_now.loss_ppm,
                       figures_now.score, window.answers() > 0});
    while (samples.size() > kept) samples.pop_front();
  }
};

}  // namespace patronus::sdwan
