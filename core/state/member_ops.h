// Who shall belong to the cluster, as it travels through the log. What becomes of it is the leader's business
// (core/raft/membership.h); here is only what is wanted.
#pragma once

#include <string>
#include <variant>

#include "core/base/types.h"

namespace patronus {

// A node that stands before the door, or is expected there. Known under this data directory already: only its
// addresses may change. Known under another one: that disk was wiped or replaced, and is taken out first.
struct AdmitNodeOp {
  NodeId id;
  Incarnation incarnation;  // 0: whoever comes under this id, empty
  std::string peer_address;
  std::string api_address;
  std::string admitted_by;  // a node's id or a user
  Incarnation replaces;     // the data directory known to whoever admits; 0: none

  friend bool operator==(const AdmitNodeOp&, const AdmitNodeOp&) = default;
};
// Takes a node out, for good: its data directory does not come back.
struct RemoveNodeOp {
  NodeId id;
  bool force = false;  // as long as a voter remains

  friend bool operator==(const RemoveNodeOp&, const RemoveNodeOp&) = default;
};

// The node sets its disk aside and begins with nothing, to be given everything by the others.
struct ReinitNodeOp {
  NodeId id;

  friend bool operator==(const ReinitNodeOp&, const ReinitNodeOp&) = default;
};

using MemberOp = std::variant<AdmitNodeOp, RemoveNodeOp, ReinitNodeOp>;

class Reader;
class Writer;
void encode(Writer& out, const MemberOp& op);
// Refuses what is outside the limits through the reader.
[[nodiscard]] MemberOp decode_member_op(Reader& in);

}  // namespace patronus
