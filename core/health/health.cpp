#include "core/health/health.h"

#include <algorithm>

namespace patronus {

void Health::add(ComponentRules rules, Now now) {
  Component component;
  component.rules = std::move(rules);
  component.since = now.wall;
  component.last_report = now.mono;
  component.last_report_wall = now.wall;
  components_.push_back(std::move(component));
}

void Health::report(std::string_view name, bool ok, std::string_view reason, Now now) {
  const auto at = std::find_if(components_.begin(), components_.end(),
                               [&](const Component& component) { return component.rules.name == name; });
  if (at == components_.end()) return;
  at->last_report = now.mono;
  at->last_report_wall = now.wall;
  if (ok == at->ok) {
    at->streak = 0;
    at->reason = reason;
    return;
  }
  const uint32_t needed = ok ? at->rules.successes_to_recover : at->rules.failures_to_fail;
  if (++at->streak < needed) return;
  at->ok = ok;
  at->reason = reason;
  at->since = now.wall;
  at->streak = 0;
}

std::vector<ComponentView> Health::view(Now now) const {
  std::vector<ComponentView> views;
  for (const Component& component : components_) {
    const bool silent = component.rules.silence_max != Duration::max() &&
                        now.mono - component.last_report > component.rules.silence_max;
    if (component.ok && silent) {
      const int64_t allowed_ms = in_ms(component.rules.silence_max);
      views.push_back({component.rules.name, false, "has not reported in time",
                       WallTime{component.last_report_wall.unix_ms + allowed_ms}});
    } else {
      views.push_back({component.rules.name, component.ok, component.reason, component.since});
    }
  }
  return views;
}

}  // namespace patronus
