// Health: components report, this decides. A component changes its state only after several reports in a row
// say so, and its silence past a deadline is a failure of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace patronus {

struct ComponentRules {
  std::string name;
  uint32_t failures_to_fail = 1;
  uint32_t successes_to_recover = 1;
  Duration silence_max = Duration::max();  // without a report for longer, the component fails
};

struct ComponentView {
  std::string name;
  bool ok = false;
  std::string reason;  // why it is not ok; when it is, a remark, mostly empty
  WallTime since;
  bool tolerated = false;  // it fails, and the node is ready all the same

  bool allows_ready() const { return ok || tolerated; }
};

class Health {
 public:
  // A component fails until it first reports success.
  void add(ComponentRules rules, Now now);
  // A report on a component that was added; on another it is ignored.
  void report(std::string_view name, bool ok, std::string_view reason, Now now);

  // All components as of now, in the order in which they were added.
  std::vector<ComponentView> view(Now now) const;

 private:
  struct Component {
    ComponentRules rules;
    bool ok = false;
    std::string reason = "has not reported yet";
    WallTime since;
    Instant last_report;
    WallTime last_report_wall;
    uint32_t streak = 0;  // reports in a row that contradict `ok`
  };

  std::vector<Component> components_;
};

}  // namespace patronus
