// Who has come to this node's door, as a member must know it: empty nodes may want to be taken in, and those
// that were taken out must be told so.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/event.h"

namespace patronus {

class Visitors {
 public:
  struct Visitor {
    PeerIdentity identity;  // as it was when it came: an empty node may have joined since
    Instant next;           // nothing is done about it before
    // The data directory that is wanted under its id, 0: none, and since when this node knows. Empty: not
    // yet.
    std::optional<Incarnation> known;
    Instant known_since;
    std::optional<Instant> missed_since;  // no link leads to it
  };

  // A node that comes again is another process, or has another disk.
  void came(const PeerIdentity& identity, Instant now) {
    if (!visitors_.contains(identity.id) && visitors_.size() >= limits::kPeerConnectionsMax) return;
    visitors_[identity.id] = {identity, now, std::nullopt, {}, std::nullopt};
    next_look_ = std::min(next_look_, now);
    ++version_;
  }
  void left(const NodeId& id) {
    visitors_.erase(id);
    ++version_;
  }

  // True once in a while, as long as anybody is there.
  bool look_is_due(Instant now) {
    if (now < next_look_) return false;
    next_look_ = visitors_.empty() ? Instant::never() : now + limits::kDoorCheck;
    return true;
  }
  Instant deadline() const { return next_look_; }

  std::map<NodeId, Visitor>& all() { return visitors_; }
  const std::map<NodeId, Visitor>& all() const { return visitors_; }
  uint64_t version() const { return version_; }

 private:
  std::map<NodeId, Visitor> visitors_;
  Instant next_look_ = Instant::never();
  uint64_t version_ = 0;
};

}  // namespace patronus
