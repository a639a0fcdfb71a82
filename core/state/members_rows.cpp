// Who is wanted as rows, and back. The configuration is no row: the base that goes with the rows has it.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/raft/entry.h"
#include "core/state/members.h"

namespace patronus {
namespace {

RowValue encoded(const WantedNode& wanted) {
  RowValue value;
  Writer out(value.head);
  out.u64(wanted.incarnation.value);
  out.bytes(wanted.peer_address);
  out.bytes(wanted.api_address);
  out.u64(wanted.since.value);
  out.bytes(wanted.admitted_by);
  return value;
}

RowValue encoded(const LeavingNode& leaving) {
  RowValue value;
  Writer out(value.head);
  out.u64(leaving.incarnation.value);
  out.boolean(leaving.force);
  return value;
}

RowValue encoded(Incarnation incarnation) {
  RowValue value;
  Writer(value.head).u64(incarnation.value);
  return value;
}

RowValue encoded(const std::deque<Incarnation>& removed) {
  RowValue value;
  Writer out(value.head);
  out.u32(static_cast<uint32_t>(removed.size()));
  for (const Incarnation incarnation : removed) out.u64(incarnation.value);
  return value;
}

RowValue encoded(const std::deque<ClusterId>& former) {
  RowValue value;
  Writer out(value.head);
  out.u32(static_cast<uint32_t>(former.size()));
  for (const ClusterId& cluster : former) encode(out, cluster);
  return value;
}

template <typename Node>
std::optional<RowValue> row_of(const std::map<NodeId, Node>& nodes, std::string_view key) {
  const auto at = nodes.find(NodeId(key.substr(1)));
  return at == nodes.end() ? std::nullopt : std::optional(encoded(at->second));
}

}  // namespace

void Members::for_each_row(const RowVisitor& visit) const {
  for (const auto& [id, wanted] : wanted_) visit(row_key(RowKind::kWanted, id), encoded(wanted));
  for (const auto& [id, leaving] : leaving_) visit(row_key(RowKind::kLeaving, id), encoded(leaving));
  if (!removed_.empty()) visit(row_key(RowKind::kRemoved), encoded(removed_));
  for (const auto& [id, incarnation] : anew_) visit(row_key(RowKind::kAnew, id), encoded(incarnation));
  if (!former_.empty()) visit(row_key(RowKind::kFormer), encoded(former_));
}

std::optional<RowValue> Members::row(std::string_view key) const {
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kWanted:
      return row_of(wanted_, key);
    case RowKind::kLeaving:
      return row_of(leaving_, key);
    case RowKind::kAnew:
      return row_of(anew_, key);
    case RowKind::kFormer:
      return former_.empty() ? std::nullopt : std::optional(encoded(former_));
    default:
      return removed_.empty() ? std::nullopt : std::optional(encoded(removed_));
  }
}

void Members::load_configuration(const Configuration& configuration, Index at) {
  configuration_ = configuration;
  configuration_index_ = at;
  changed();
}

std::optional<std::string> Members::load_row(std::string_view key, std::string_view value) {
  const auto kind = static_cast<RowKind>(key.front());
  const NodeId id(key.substr(1));
  Reader in(value);
  bool fits = is_node_id(id);
  if (kind == RowKind::kWanted) {
    WantedNode& wanted = wanted_[id];
    wanted.incarnation = Incarnation{in.u64()};
    wanted.peer_address = in.text(limits::kAddressBytesMax);
    wanted.api_address = in.text(limits::kAddressBytesMax);
    wanted.since = Index{in.u64()};
    wanted.admitted_by = in.text(limits::kAdmittedByBytesMax);
    fits = fits && wanted_.size() <= limits::kMembersMax;
  } else if (kind == RowKind::kLeaving) {
    LeavingNode& leaving = leaving_[id];
    leaving.incarnation = Incarnation{in.u64()};
    leaving.force = in.boolean();
    fits = fits && leaving_.size() <= limits::kMembersMax && leaving.incarnation;
  } else if (kind == RowKind::kAnew) {
    anew_[id] = Incarnation{in.u64()};
    fits = fits && anew_.size() <= limits::kMembersMax && anew_[id];
  } else if (kind == RowKind::kFormer) {
    for (size_t n = in.count(limits::kFormerClustersKept, 16); n > 0; --n)
      former_.push_back(decode_cluster_id(in));
    fits = id.empty() && !former_.empty();
  } else {
    for (size_t n = in.count(limits::kRemovedNodesKept, 8); n > 0; --n)
      removed_.push_back(Incarnation{in.u64()});
    fits = id.empty() && !removed_.empty() &&
           std::all_of(removed_.begin(), removed_.end(), [](Incarnation one) { return one.value != 0; });
  }
  if (!fits || !in.done()) return "what is kept of the members makes no sense";
  changed();
  return std::nullopt;
}

}  // namespace patronus
