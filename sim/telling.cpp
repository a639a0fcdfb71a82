// What the world says of its troubles to those who look at the run.
#include <vector>

#include "sim/world.h"

namespace patronus::sim {

void World::tell(const std::string& who, const std::string& text) {
  if (trace_.keeps()) trace_.line(events_.now(), who, text);
}

// Sides where there are sides: within each all reach each other, and nobody reaches another one. Otherwise
// each way that is cut.
std::string World::describe_ways() const {
  std::vector<HostId> side(hosts_.size());
  for (HostId id = 0; id < hosts_.size(); ++id) {
    side[id] = id;
    for (HostId other = 0; other < id && side[id] == id; ++other) {
      if (network_.reaches(id, other) && network_.reaches(other, id)) side[id] = side[other];
    }
  }
  std::string cuts;
  bool has_sides = true;
  for (HostId from = 0; from < hosts_.size(); ++from) {
    std::string lost;
    for (HostId to = 0; to < hosts_.size(); ++to) {
      if (from == to) continue;
      has_sides = has_sides && network_.reaches(from, to) == (side[from] == side[to]);
      if (!network_.reaches(from, to)) lost += (lost.empty() ? "" : ", ") + hosts_[to]->name();
    }
    if (!lost.empty()) cuts += (cuts.empty() ? "" : "; ") + hosts_[from]->name() + " does not reach " + lost;
  }
  if (!has_sides) return cuts;
  std::string sides;
  for (HostId first = 0; first < hosts_.size(); ++first) {
    if (side[first] != first) continue;
    sides += sides.empty() ? "" : " | ";
    for (HostId id = first; id < hosts_.size(); ++id) {
      if (side[id] == first) sides += (id == first ? "" : " ") + hosts_[id]->name();
    }
  }
  return sides;
}

}  // namespace patronus::sim
