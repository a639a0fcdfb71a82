#include "core/sdwan/verdicts.h"

#include <algorithm>
#include <chrono>

#include "core/base/limits.h"

namespace patronus::sdwan {
namespace {

constexpr int64_t kSeenMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kSeenGranularity).count();

bool is_there(const Tables& tables, const std::string& site, const std::string& address) {
  const Site* found = tables.site(site);
  return found != nullptr &&
         std::any_of(found->fields.endpoints.begin(), found->fields.endpoints.end(),
                     [&](const SiteEndpoint& endpoint) { return endpoint.address == address; });
}

// The cluster holds it, or has no use for it any more.
bool is_settled(const Tables& tables, const EndpointVerdict& verdict) {
  if (!is_there(tables, verdict.site, verdict.address)) return true;
  const EndpointState* state = tables.endpoint(verdict.site, verdict.address);
  return state != nullptr && state->reachable == verdict.reachable &&
         state->seen_wall_ms >= verdict.seen_wall_ms;
}

bool is_settled(const Tables& tables, const PathVerdict& verdict) {
  const auto path = tables.paths().find(verdict.key);
  return path == tables.paths().end() || (path->second && path->second->verdict == verdict);
}

uint8_t difference(uint8_t a, uint8_t b) { return static_cast<uint8_t>(std::max(a, b) - std::min(a, b)); }

}  // namespace

bool VerdictKeeper::may_propose(const Tables& tables, Instant now) const {
  if (!proposed_at_) return true;
  if (now - *proposed_at_ < limits::kVerdictInterval) return false;
  if (now - *proposed_at_ >= limits::kVerdictRetry) return true;
  const auto settled = [&](const auto& verdict) { return is_settled(tables, verdict); };
  return std::all_of(proposed_.endpoints.begin(), proposed_.endpoints.end(), settled) &&
         std::all_of(proposed_.paths.begin(), proposed_.paths.end(), settled);
}

std::optional<VerdictsOp> VerdictKeeper::take(const Tables& tables,
                                              std::span<const EndpointFinding> endpoints,
                                              std::span<const PathFinding> paths, Instant now) {
  if (!may_propose(tables, now)) return std::nullopt;
  VerdictsOp op;
  for (const EndpointFinding& found : endpoints) {
    if (op.endpoints.size() == limits::kVerdictsPerEntryMax) break;
    if (!is_worth_it(tables, found)) continue;
    const EndpointState* held = tables.endpoint(found.key->first, found.key->second);
    const int64_t seen = std::max(found.seen_wall_ms, held == nullptr ? 0 : held->seen_wall_ms);
    op.endpoints.push_back({found.key->first, found.key->second, found.reachable, seen});
  }
  for (const PathFinding& found : paths) {
    if (op.paths.size() == limits::kVerdictsPerEntryMax) break;
    if (!is_worth_it(tables, found, now)) continue;
    op.paths.push_back({*found.key, found.status, found.figures.latency_us, found.figures.jitter_us,
                        found.figures.loss_ppm, found.figures.score});
  }
  if (differs_since_.size() > tables.paths().size())
    std::erase_if(differs_since_, [&](const auto& path) { return !tables.paths().contains(path.first); });
  if (op.endpoints.empty() && op.paths.empty()) return std::nullopt;
  proposed_ = op;
  proposed_at_ = now;
  return op;
}

void VerdictKeeper::rest() {
  differs_since_.clear();
  proposed_ = {};
  proposed_at_.reset();
}

bool VerdictKeeper::is_worth_it(const Tables& tables, const EndpointFinding& found) const {
  if (!is_there(tables, found.key->first, found.key->second)) return false;
  const EndpointState* held = tables.endpoint(found.key->first, found.key->second);
  if (held == nullptr || held->reachable != found.reachable) return true;
  return found.reachable && found.seen_wall_ms - held->seen_wall_ms >= kSeenMs;
}

bool VerdictKeeper::is_worth_it(const Tables& tables, const PathFinding& found, Instant now) {
  const auto path = tables.paths().find(*found.key);
  if (path == tables.paths().end()) return false;
  if (!path->second) return true;
  if (!found.is_settled) return false;
  const PathVerdict& held = path->second->verdict;
  const bool differs = difference(held.score, found.figures.score) >= limits::kScoreChange;
  const auto since = differs_since_.find(*found.key);
  if (held.status != found.status) {
    if (since != differs_since_.end()) differs_since_.erase(since);
    return true;
  }
  if (!differs) {
    if (since != differs_since_.end()) differs_since_.erase(since);
    return false;
  }
  if (since == differs_since_.end()) {
    differs_since_.emplace(*found.key, now);
    return false;
  }
  return now - since->second >= limits::kScoreChangeHeld;
}

}  // namespace patronus::sdwan
