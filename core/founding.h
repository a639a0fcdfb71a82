// Founding a cluster. It takes all configured first peers, present at once and empty; the one with the lowest
// id writes the first entry. So a node that forgot can't elect a leader that lacks acknowledged entries, and
// two wiped nodes can't found a second cluster beside the third.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "core/base/types.h"
#include "core/event.h"
#include "core/raft/configuration.h"

namespace patronus {

class Founding {
 public:
  // Where a name leads to the nodes, there may be more of them than found the cluster, and two sets of them
  // must not found one each: so none is founded while anybody is there who may be left out of it.
  explicit Founding(size_t nodes, bool by_name = false)
      : nodes_(nodes), by_name_(by_name), search_(by_name ? "their name is not looked up yet" : "") {}

  void link_up(const PeerIdentity& peer) { present_[peer.id] = peer; }
  void link_lost(const NodeId& peer) { present_.erase(peer); }
  void came(const NodeId& visitor) { at_the_door_.insert(visitor); }
  void left(const NodeId& visitor) { at_the_door_.erase(visitor); }
  // What the search for nodes waits for, in words; empty once it knows all that are there.
  void searches(std::string waits_for) { search_ = std::move(waits_for); }
  const std::string& search() const { return search_; }

  // The first configuration, if this empty node is the one to write it now. The cluster's id is drawn.
  std::optional<Configuration> try_found(const Boot& self, Random& random) const;
  // In words, what founding waits for.
  std::string waits_for(const Boot& self) const;

 private:
  // Somebody who has come in and is not reached yet.
  const NodeId* unmet() const;

  size_t nodes_;
  bool by_name_;
  std::string search_;
  std::map<NodeId, PeerIdentity> present_;
  std::set<NodeId> at_the_door_;  // at most as many as there are streams
};

}  // namespace patronus
