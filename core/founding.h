// Founding a cluster. It takes all configured first peers, present at once and empty; the one with the lowest
// id writes the first entry. So a node that forgot can't elect a leader that lacks acknowledged entries, and
// two wiped nodes can't found a second cluster beside the third.
#pragma once

#include <map>
#include <optional>

#include "core/base/random.h"
#include "core/base/types.h"
#include "core/event.h"
#include "core/raft/configuration.h"

namespace patronus {

class Founding {
 public:
  explicit Founding(size_t nodes) : nodes_(nodes) {}

  void link_up(const PeerIdentity& peer) { present_[peer.id] = peer; }
  void link_lost(const NodeId& peer) { present_.erase(peer); }

  // The first configuration, if this empty node is the one to write it now. The cluster's id is drawn.
  std::optional<Configuration> try_found(const Boot& self, Random& random) const;
  // In words, what founding waits for.
  std::string waits_for(const Boot& self) const;

 private:
  size_t nodes_;
  std::map<NodeId, PeerIdentity> present_;
};

}  // namespace patronus
