#include "sim/health_checker.h"

#include <algorithm>
#include <string>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookInterval = 20ms;

const ComponentView& component(const std::vector<ComponentView>& all, std::string_view name) {
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const ComponentView& one) { return one.name == name; });
  if (at == all.end()) throw Violation("health", "there is no component " + std::string(name));
  return *at;
}

}  // namespace

Duration HealthChecker::word() const {
  return 3 * profile_.heartbeat_interval + 4 * profile_.latency_max + kLookInterval;
}

Duration HealthChecker::patience() const {
  const Duration shown = 2 * profile_.election_timeout - word();
  return shown - shown / 1'000'000 * profile_.clock_rate_ppm;
}

void HealthChecker::after_step(const Host& host, Instant now, bool is_calm) {
  if (is_calm && !was_calm_) calm_since_ = now;
  was_calm_ = is_calm;
  if (!is_calm) expected_.clear();
  if (!host.is_up() || host.is_frozen()) return;
  const Told& told = told_[host.id()];
  if (told.boots == host.boots() && now - told.looked < kLookInterval) return;
  look_at(host, now);
}

void HealthChecker::look_at(const Host& host, Instant now) {
  const std::vector<ComponentView> components = host.node().components(host.clock());
  const bool is_ready = std::all_of(components.begin(), components.end(),
                                    [](const ComponentView& one) { return one.allows_ready(); });
  if (is_ready && profile_.databases && host.has_damaged_database())
    throw Violation("health", host.name() + " is ready with a database that was damaged");
  const ComponentView& leader = component(components, "leader");
  told_[host.id()] = {now, leader.ok, host.boots()};
  if (leader.ok && host.node().raft().is_leader()) note_leader(host, now);
  if (!leader.ok) check(host, leader.reason, now);
}

void HealthChecker::note_leader(const Host& leader, Instant now) {
  if (!expected_.empty() && leader_ != leader.id()) ++elections_;
  led_ = now;
  leader_ = leader.id();
  expected_.clear();
  // What came before the calm may still be on its way.
  if (!was_calm_ || now - calm_since_ < 4 * profile_.election_timeout) return;
  if (std::any_of(hosts_.begin(), hosts_.end(), [](const auto& one) { return one->is_frozen(); })) return;
  const Configuration* members = leader.node().raft().log().configuration();
  for (const auto& host : hosts_) {
    const auto told = told_.find(host->id());
    if (told == told_.end() || !host->is_up() || told->second.boots != host->boots()) continue;
    const Raft& raft = host->node().raft();
    // It has been told by this leader how far the cluster is; one that has only just begun to follow was not
    // yet.
    const bool is_fresh = raft.freshness().ever() && host->clock().mono - raft.freshness().as_of() <= word();
    const bool follows = told->second.heard_leader && now - told->second.looked <= 2 * kLookInterval &&
                         is_fresh && raft.term() == leader.node().raft().term() &&
                         members->find(host->name()) != nullptr;
    if (follows) expected_[host->id()] = host->boots();
  }
}

void HealthChecker::check(const Host& host, const std::string& reason, Instant now) const {
  const auto expected = expected_.find(host.id());
  if (expected == expected_.end() || expected->second != host.boots()) return;
  if (now - led_ >= patience()) return;
  throw Violation("health", host.name() + " is unready (" + reason + ") " +
                                std::to_string(in_ms(now - led_)) + " ms after there was one");
}

}  // namespace patronus::sim
