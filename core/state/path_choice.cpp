#include "core/state/path_choice.h"

#include <algorithm>

namespace patronus {
namespace {

bool keeps_limits(const PolicyFields& fields, const PathVerdict& verdict) {
  return (!fields.max_latency_us || verdict.latency_us <= *fields.max_latency_us) &&
         (!fields.max_jitter_us || verdict.jitter_us <= *fields.max_jitter_us) &&
         (!fields.max_loss_ppm || verdict.loss_ppm <= *fields.max_loss_ppm);
}

// Of sending: what leaves by the source's line, and comes in by the destination's.
uint64_t cost_of(const Tables& tables, const PathKey& key) {
  uint64_t cost = 0;
  for (const auto& [id, address] : {std::pair(&key.source_site, &key.source_endpoint),
                                    std::pair(&key.destination_site, &key.destination_endpoint)}) {
    const Site* site = tables.site(*id);
    if (site == nullptr) continue;
    for (const SiteEndpoint& endpoint : site->fields.endpoints) {
      if (endpoint.address == *address) cost += endpoint.cost_per_gb_micros;
    }
  }
  return cost;
}

// Less is better; what is equal in the first is told apart by the score.
std::pair<uint64_t, uint64_t> badness(const Tables& tables, PathPreference prefer,
                                      const PathVerdict& verdict) {
  const uint64_t by_score = 100 - static_cast<uint64_t>(verdict.score);
  switch (prefer) {
    case PathPreference::kScore:
      return {by_score, verdict.latency_us};
    case PathPreference::kLatency:
      return {verdict.latency_us, by_score};
    case PathPreference::kLoss:
      return {verdict.loss_ppm, by_score};
    case PathPreference::kCost:
      return {cost_of(tables, verdict.key), by_score};
  }
  return {by_score, 0};
}

}  // namespace

std::vector<const PathState*> choice_of_paths(const Tables& tables, const Policy& policy) {
  std::vector<const PathState*> choice;
  if (!policy.fields.enabled) return choice;
  const auto& paths = tables.paths();
  for (auto at = paths.lower_bound(PathKey{policy.fields.source_site, {}, {}, {}});
       at != paths.end() && at->first.source_site == policy.fields.source_site; ++at) {
    if (at->first.destination_site != policy.fields.destination_site || !at->second) continue;
    const PathVerdict& verdict = at->second->verdict;
    if (verdict.status != PathStatus::kDown && keeps_limits(policy.fields, verdict))
      choice.push_back(&*at->second);
  }
  std::stable_sort(choice.begin(), choice.end(), [&](const PathState* a, const PathState* b) {
    return badness(tables, policy.fields.prefer, a->verdict) <
           badness(tables, policy.fields.prefer, b->verdict);
  });
  return choice;
}

}  // namespace patronus
