// What a leader says of endpoints and paths: what its probes have found that the cluster does not know yet.
// One entry of bounded size a second at most, and none while the last is under way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "core/base/time.h"
#include "core/sdwan/judgement.h"
#include "core/state/tables.h"

namespace patronus::sdwan {

// What is held of a target whose judgement is ready. Keys live as long as the call they are given to.
struct EndpointFinding {
  const EndpointKey* key = nullptr;
  bool reachable = false;
  int64_t seen_wall_ms = 0;  // of its last answer; 0: never here
};
struct PathFinding {
  const PathKey* key = nullptr;
  PathStatus status = PathStatus::kDown;
  PathFigures figures;
  bool is_settled = false;  // its window is full
};

class VerdictKeeper {
 public:
  // False: it would take nothing now, whatever was found.
  [[nodiscard]] bool may_propose(const Tables& tables, Instant now) const;
  // What is to be proposed now, or nothing. A verdict there is none of yet, or another than there is: a
  // change of reachability or status at once; a score that differs by kScoreChange once it has for
  // kScoreChangeHeld; when an endpoint was last heard every kSeenGranularity. Of a path there is a verdict
  // on, only what is settled counts. What does not fit comes next time.
  [[nodiscard]] std::optional<VerdictsOp> take(const Tables& tables,
                                               std::span<const EndpointFinding> endpoints,
                                               std::span<const PathFinding> paths, Instant now);
  // It does not lead, or can't tell: it proposes nothing and remembers nothing.
  void rest();

 private:
  bool is_worth_it(const Tables& tables, const EndpointFinding& found) const;
  bool is_worth_it(const Tables& tables, const PathFinding& found, Instant now);

  std::map<PathKey, Instant> differs_since_;  // paths whose score does
  VerdictsOp proposed_;
  std::optional<Instant> proposed_at_;
};

}  // namespace patronus::sdwan
