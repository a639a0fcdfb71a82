#include "core/founding.h"

#include <algorithm>

#include "core/base/mutant.h"

namespace patronus {

std::optional<Configuration> Founding::try_found(const Boot& self, Random& random) const {
  if (self.rebuilds) return std::nullopt;
  const size_t needed = MUTANT(kFoundWithMajority) ? nodes_ / 2 + 1 : nodes_;
  if (present_.size() + 1 < needed || !search_.empty() || unmet() != nullptr) return std::nullopt;
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

const NodeId* Founding::unmet() const {
  if (!by_name_) return nullptr;
  const auto unmet = std::find_if(at_the_door_.begin(), at_the_door_.end(),
                                  [&](const NodeId& id) { return !present_.contains(id); });
  return unmet == at_the_door_.end() ? nullptr : &*unmet;
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
           std::to_string(present_.size() + 1) + " present" + (search_.empty() ? "" : "; " + search_);
  }
  if (present_.size() + 1 > nodes_) {
    return "a cluster of " + std::to_string(nodes_) + " nodes is to be founded, and " +
           std::to_string(present_.size() + 1) +
           " are present: which ones are meant is not known; set PATRONUS_FOUNDING_NODES to their number, or "
           "stop those that shall join later";
  }
  if (const NodeId* id = unmet()) return "node " + *id + " has come and is not reached yet";
  if (!search_.empty()) return "all nodes are present; " + search_;
  if (!present_.empty() && present_.begin()->first < self.id) {
    return "all nodes are present; " + present_.begin()->first + " founds the cluster";
  }
  return "founding the cluster";
}

}  // namespace patronus
