// What the cluster's clocks say must not go back, nor run ahead of what any clock that there is can have
// shown. Leases run only while somebody leads, and of the time that a leader's process stands still at most
// an election timeout counts.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "core/base/time.h"
#include "core/raft/entry.h"
#include "sim/host.h"
#include "sim/profile.h"

namespace patronus::sim {

class StampChecker {
 public:
  StampChecker(const Profile& profile, const std::vector<std::unique_ptr<Host>>& hosts)
      : profile_(profile), hosts_(hosts) {}

  // `now` is the world's own time.
  void after_step(const Host& host, Instant now);

 private:
  void note_leading(const Host& host, Instant now);
  void check(const Entry& entry, Instant now) const;

  const Profile& profile_;
  const std::vector<std::unique_ptr<Host>>& hosts_;
  Instant looked_;
  bool was_led_ = false;  // then
  Duration led_{};
  std::set<HostId> stand_still_;
  Index seen_;  // committed, by whichever node first
  Stamp last_;
};

}  // namespace patronus::sim
