#include "core/raft/quorum.h"

namespace patronus::quorum {

bool has_majority(const Configuration& configuration, const std::function<bool(const Member&)>& holds) {
  size_t count = 0;
  for (const Member& member : configuration.members) {
    if (member.voter && holds(member)) ++count;
  }
  return configuration.voters() > 0 && count >= majority(configuration.voters());
}

}  // namespace patronus::quorum
