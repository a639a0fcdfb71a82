#include "core/raft/quorum.h"

namespace patronus::quorum {
namespace {

bool has_half(const Configuration& configuration, Half half,
              const std::function<bool(const Member&)>& holds) {
  size_t count = 0;
  for (const Member& member : configuration.members) {
    if (counts(half, member) && holds(member)) ++count;
  }
  const size_t voters = configuration.voters(half);
  return voters > 0 && count + (MUTANT(kElectByOneLess) && voters > 1 ? 1 : 0) >= majority(voters);
}

}  // namespace

bool has_majority(const Configuration& configuration, const std::function<bool(const Member&)>& holds) {
  if (!has_half(configuration, Half::kIncoming, holds)) return false;
  if (!configuration.is_joint() || MUTANT(kCountOneMajority)) return true;
  return has_half(configuration, Half::kOutgoing, holds);
}

size_t needed(const Configuration& configuration) {
  return std::max(majority(configuration.voters(Half::kOutgoing)),
                  majority(configuration.voters(Half::kIncoming)));
}

size_t failure_tolerance(const Configuration& configuration) {
  return std::min(failure_tolerance(configuration.voters(Half::kOutgoing)),
                  failure_tolerance(configuration.voters(Half::kIncoming)));
}

}  // namespace patronus::quorum
