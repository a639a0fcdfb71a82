// Who shall belong to the cluster, in the replicated state. Configurations follow this: an intent is
// fulfilled when the configuration says so. So a change survives whoever leads, and is taken up by the next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/mutant.h"
#include "core/base/types.h"
#include "core/raft/configuration.h"
#include "core/state/changes.h"
#include "core/state/command.h"
#include "core/state/member_ops.h"

namespace patronus {

struct WantedNode {
  Incarnation incarnation;  // 0: expected, and not seen yet
  std::string peer_address;
  std::string api_address;
  Index since;
  std::string admitted_by;

  friend bool operator==(const WantedNode&, const WantedNode&) = default;
};

// A member that was taken out and is still in the configuration.
struct LeavingNode {
  Incarnation incarnation;
  bool force = false;

  friend bool operator==(const LeavingNode&, const LeavingNode&) = default;
};

class Members {
 public:
  // kNotFound: remove of who is not known, or is being removed. kWouldBreakQuorum: no voter would be left.
  // kLimitReached: kMembersMax are wanted. kPreconditionFailed: another data directory is known under the id
  // than the one to be replaced. kRefused: this data directory was removed, or holds nobody's id.
  WriteResult apply(const MemberOp& op, Index at);
  // A configuration that is committed. The members of the first one are wanted; and of the first one of
  // another cluster, which goes on from what was left of this one.
  void note(const Configuration& configuration, Index at);

  const std::map<NodeId, WantedNode>& wanted() const { return wanted_; }
  const std::map<NodeId, LeavingNode>& leaving() const { return leaving_; }
  bool is_wanted(const NodeId& id, Incarnation incarnation) const;
  const std::map<NodeId, Incarnation>& anew() const { return anew_; }
  // An operator wants this data directory set aside.
  bool begins_anew(const NodeId& id, Incarnation incarnation) const;
  // The data directory was taken out or replaced, and does not come back.
  bool was_removed(Incarnation incarnation) const;
  // The clusters that were lost and that this one goes on from, the latest last.
  const std::deque<ClusterId>& former() const { return former_; }
  // The latest committed configuration; without members before the first.
  const Configuration& configuration() const { return configuration_; }
  Index configuration_index() const { return configuration_index_; }

  uint64_t hash() const { return hash_; }
  // Changes whenever anything here does.
  uint64_t version() const { return version_; }

  // Rows (members_rows.cpp): one for each node that is wanted, one for each that leaves, one for all that
  // were removed, one for former clusters. The configuration goes before them when they are loaded.
  Changes& changes() { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  void load_configuration(const Configuration& configuration, Index at);
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);

 private:
  WriteResult execute(const AdmitNodeOp& op, Index at);
  WriteResult execute(const RemoveNodeOp& op, Index at);
  WriteResult execute(const ReinitNodeOp& op, Index at);
  void begin_anew(const Configuration& configuration);
  void forget_anew(const NodeId& id);
  void remember_removed(Incarnation incarnation);
  void touch(RowKind kind, const NodeId& id) {
    if (!MUTANT(kForgetMemberRow)) changes_.touch(row_key(kind, id), *this);
  }
  void encode(Writer& out) const;
  void changed();

  std::map<NodeId, WantedNode> wanted_;
  std::map<NodeId, LeavingNode> leaving_;
  std::map<NodeId, Incarnation> anew_;  // who is to begin anew, under which data directory
  std::deque<Incarnation> removed_;     // the latest kRemovedNodesKept
  std::deque<ClusterId> former_;        // the latest kFormerClustersKept
  Configuration configuration_;
  Index configuration_index_;
  uint64_t hash_ = 0;
  uint64_t version_ = 0;
  Changes changes_;
};

}  // namespace patronus
