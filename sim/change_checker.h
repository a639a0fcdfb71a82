// What a leader may begin: it takes a voter out only if it hears a majority of those that stay, and gives a
// vote only to whom it has heard for an election timeout. Counted anew, not by asking core/raft/membership.h.
#pragma once

#include <map>

#include "core/raft/configuration.h"
#include "sim/host.h"
#include "sim/profile.h"

namespace patronus::sim {

class ChangeChecker {
 public:
  explicit ChangeChecker(const Profile& profile) : profile_(profile) {}
  // A node did something.
  void after_step(const Host& host);

 private:
  // A leader as it was after its last step.
  struct Led {
    uint32_t boots = 0;
    Term term;
    Index index;  // of its configuration
    Configuration configuration;
    std::map<NodeId, Instant> learners;  // since when it has each of them
  };

  void votes_for_the_steady(const Host& host, const Led& before, const Configuration& next) const;
  static void majority_is_heard(const Host& host, const Configuration& before, const Configuration& next);

  const Profile& profile_;
  std::map<HostId, Led> led_;
};

}  // namespace patronus::sim
