// What nodes keep: while all goes on no more than those who ask can have in flight, and once all is healed
// and nobody waits for anything nothing at all, but for as much of the log as is to be kept. What a node
// still keeps for somebody then it would keep for ever.
#pragma once

#include <cstddef>
#include <string>

#include "sim/host.h"
#include "sim/profile.h"

namespace patronus::sim {

class MemoryChecker {
 public:
  explicit MemoryChecker(const Profile& profile) : profile_(profile) {}

  void after_step(const Host& host) const;
  // What this node keeps without need; empty: nothing. `all_know_restores`: where a member went back to a
  // version that does not, none may be written of, so that what is staged stays until it is upgraded.
  std::string kept_without_need(const Host& host, bool all_know_restores) const;

 private:
  size_t askers() const;

  const Profile& profile_;
};

}  // namespace patronus::sim
