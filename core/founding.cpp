#include "core/founding.h"

#include <algorithm>

#include "core/base/mutant.h"

namespace patronus {

std::optional<Configuration> Founding::try_found(const Boot& self, Random& random) const {
  if (self.rebuilds) return std::nullopt;
  const size_t needed = MUTANT(kFoundWithMajority) ? nodes_ / 2 + 1 : nodes_;
  if (present_.size() + 1 < needed) return std::nullopt;
  Configuration first;
  first.members.push_back({self.id, self.incarnation, self.peer_address, self.api_address, Standing::kVoter});
  for (const auto& [id, peer] : present_) {
    const bool forgotten = MUTANT(kFoundWithMajority) && peer.cluster_id;
    if (forgotten) continue;
    if (peer.cluster_id || peer.rebuilds || id <= self.id) return std::nullopt;
    first.members.push_back({id, peer.incarnation, peer.peer_address, peer.api_address, Standing::kVoter});
  }
  if (first.members.size() < needed || (first.members.size() != nodes_ && !MUTANT(kFoundWithMajority))) {
    return std::nullopt;
  }
  first.cluster_id.words = {random.nonzero(), random.next()};
  return first;
}

std::string Founding::waits_for(const Boot& self) const {
  if (self.rebuilds) {
    return "its disk was damaged and is set aside; it waits for a member of " +
           (self.lost_cluster ? "cluster " + self.lost_cluster.hex() : std::string("the cluster")) +
           " to take it in again";
  }
  for (const auto& [id, peer] : present_) {
    if (peer.rebuilds) {
      return "node " + id + " has lost its disk and waits for its cluster, so that none is founded with it";
    }
    if (peer.cluster_id) {
      return "node " + id + " belongs to cluster " + peer.cluster_id.hex() +
             "; this node is empty and waits to be taken in";
    }
  }
  if (present_.size() + 1 < nodes_) {
    return "founding a cluster needs all " + std::to_string(nodes_) + " nodes; " +
           std::to_string(present_.size() + 1) + " present";
  }
  if (!present_.empty() && present_.begin()->first < self.id) {
    return "all nodes are present; " + present_.begin()->first + " founds the cluster";
  }
  return "founding the cluster";
}

}  // namespace patronus
