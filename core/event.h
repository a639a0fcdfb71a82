// What happens to the core.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/entry.h"
#include "core/raft/message.h"
#include "core/requests/request.h"

namespace patronus {

// Everything a node is told once, when it starts.
struct Boot {
  NodeId id;
  Incarnation incarnation;
  std::string peer_address;
  std::string api_address;
  Duration election_timeout{};
  Duration heartbeat_interval{};
  size_t founding_nodes = 1;  // all of them must be present and empty to found a cluster
  bool auto_join = true;      // an empty node that comes to the door is admitted without an operator's word
  uint64_t seed = 0;          // for this boot's randomness
  HardState hard;             // what recovery found on disk
  std::vector<Entry> entries;
};

// Who the other end of a link says it is.
struct PeerIdentity {
  NodeId id;
  Incarnation incarnation;
  ClusterId cluster_id;  // zero: belongs to none, has nothing
  std::string peer_address;
  std::string api_address;
  std::string version;

  friend bool operator==(const PeerIdentity&, const PeerIdentity&) = default;
};

enum class LinkEnd : uint8_t { kGoodbye, kEndOfFile, kReset, kRefused, kTimeout, kProtocol };

// A link on which this node can send is there.
struct LinkUp {
  PeerIdentity peer;
};
struct LinkLost {
  NodeId peer;
  LinkEnd how = LinkEnd::kReset;
};
// The peer's process has ended: its streams did, both ways, and its machine refused a new one at once. A
// hint.
struct PeerGone {
  NodeId peer;
  bool on_purpose = false;  // it had said goodbye
};
struct PeerMessage {
  NodeId from;
  Incarnation incarnation;
  Message message;
};
// The write with this id, and all before it, are on disk.
struct WriteDone {
  PersistId id;
};
// Another node's stream came in and it said who it is; or its last stream ended.
struct VisitorCame {
  PeerIdentity visitor;
};
struct VisitorLeft {
  NodeId visitor;
};
// This node shall leave, or after all not: it goes unready, hands leadership over and takes none.
struct Drain {
  bool on = true;
};
// Nothing but time.
struct Wake {};

using Event = std::variant<LinkUp, LinkLost, PeerGone, VisitorCame, VisitorLeft, PeerMessage, WriteDone,
                           ClientWrite, ClientRead, Drain, Wake>;

}  // namespace patronus
