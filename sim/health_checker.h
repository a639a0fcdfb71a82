// What nodes say of their readiness must be true, and worth believing: none is ready with a database that is
// lost, and in a world that is calm but for a leader that went, an election does not empty the balancer's
// pool.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "sim/host.h"
#include "sim/profile.h"

namespace patronus::sim {

class HealthChecker {
 public:
  HealthChecker(const Profile& profile, const std::vector<std::unique_ptr<Host>>& hosts)
      : profile_(profile), hosts_(hosts) {}

  // `is_calm`: nothing is done to the network. `now` is the world's own time.
  void after_step(const Host& host, Instant now, bool is_calm);
  // Elections in which nodes were held to what they said.
  uint64_t elections() const { return elections_; }

 private:
  struct Told {
    Instant looked;
    bool heard_leader = false;  // then
    uint32_t boots = 0;
  };

  void look_at(const Host& host, Instant now);
  // A leader is there that is sure of it: whoever follows it in good order is expected to say so for a while.
  void note_leader(const Host& leader, Instant now);
  void check(const Host& host, const std::string& reason, Instant now) const;
  // How old what a follower knows of the cluster is at most while all is well.
  Duration word() const;
  // For how long after a leader's last word its followers vouch at least.
  Duration patience() const;

  const Profile& profile_;
  const std::vector<std::unique_ptr<Host>>& hosts_;
  std::map<HostId, Told> told_;
  std::map<HostId, uint32_t> expected_;  // boots of those that followed the last leader
  Instant led_;                          // when one was seen last
  HostId leader_ = 0;
  Instant calm_since_;
  bool was_calm_ = false;
  uint64_t elections_ = 0;
};

}  // namespace patronus::sim
