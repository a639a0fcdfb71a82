#include "core/state/members.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/raft/entry.h"

namespace patronus {
namespace {

WriteResult done(const NodeId& id) {
  WriteResult result;
  result.id = id;
  return result;
}

}  // namespace

bool Members::is_wanted(const NodeId& id, Incarnation incarnation) const {
  const auto at = wanted_.find(id);
  return at != wanted_.end() && at->second.incarnation == incarnation;
}

bool Members::begins_anew(const NodeId& id, Incarnation incarnation) const {
  const auto at = anew_.find(id);
  return at != anew_.end() && at->second == incarnation;
}

void Members::forget_anew(const NodeId& id) {
  if (!anew_.contains(id)) return;
  touch(RowKind::kAnew, id);
  anew_.erase(id);
}

WriteResult Members::execute(const ReinitNodeOp& op, Index) {
  const auto known = wanted_.find(op.id);
  if (known == wanted_.end() || !known->second.incarnation) return refused(Outcome::kNotFound);
  touch(RowKind::kAnew, op.id);
  anew_[op.id] = known->second.incarnation;
  return done(op.id);
}

bool Members::was_removed(Incarnation incarnation) const {
  return incarnation && std::find(removed_.begin(), removed_.end(), incarnation) != removed_.end();
}

WriteResult Members::apply(const MemberOp& op, Index at) {
  WriteResult result = std::visit([&](const auto& concrete) { return execute(concrete, at); }, op);
  if (result.outcome == Outcome::kOk) changed();
  return result;
}

WriteResult Members::execute(const AdmitNodeOp& op, Index at) {
  if (was_removed(op.incarnation)) return refused(Outcome::kRefused);
  const auto known = wanted_.find(op.id);
  if (known == wanted_.end()) {
    if (op.replaces) return refused(Outcome::kPreconditionFailed);
    if (wanted_.size() >= limits::kMembersMax) return refused(Outcome::kLimitReached);
    touch(RowKind::kWanted, op.id);
    wanted_[op.id] = {op.incarnation, op.peer_address, op.api_address, at, op.admitted_by};
    return done(op.id);
  }
  WantedNode& wanted = known->second;
  if (wanted.incarnation == op.incarnation) {
    touch(RowKind::kWanted, op.id);
    wanted.peer_address = op.peer_address;
    wanted.api_address = op.api_address;
    return done(op.id);
  }
  if (wanted.incarnation != op.replaces) return refused(Outcome::kPreconditionFailed);
  forget_anew(op.id);
  // Who was expected has come, or another disk under a known name.
  const std::string by = wanted.incarnation ? op.admitted_by : wanted.admitted_by;
  touch(RowKind::kWanted, op.id);
  // One that never was a member may be the younger of the two after all.
  if (configuration_.is_member(op.id, wanted.incarnation)) remember_removed(wanted.incarnation);
  // Where an operator has said a node is to be reached, that counts, not what it says of itself.
  const bool was_told = !wanted.incarnation && !wanted.peer_address.empty();
  wanted = {op.incarnation, was_told ? wanted.peer_address : op.peer_address, op.api_address, at, by};
  return done(op.id);
}

WriteResult Members::execute(const RemoveNodeOp& op, Index) {
  const auto known = wanted_.find(op.id);
  if (known == wanted_.end()) return refused(Outcome::kNotFound);
  const bool a_voter_stays =
      std::any_of(configuration_.members.begin(), configuration_.members.end(), [&](const Member& member) {
        return member.id != op.id && votes_in(Half::kIncoming, member.standing) &&
               is_wanted(member.id, member.incarnation);
      });
  if (!a_voter_stays) return refused(Outcome::kWouldBreakQuorum);
  const Incarnation incarnation = known->second.incarnation;
  forget_anew(op.id);
  touch(RowKind::kWanted, op.id);
  wanted_.erase(known);
  remember_removed(incarnation);
  if (configuration_.is_member(op.id, incarnation)) {
    touch(RowKind::kLeaving, op.id);
    leaving_[op.id] = {incarnation, op.force};
  }
  return done(op.id);
}

// Who belonged to a cluster that is given up does not belong to the one that goes on, nor does what was on
// its disk.
void Members::begin_anew(const Configuration& configuration) {
  touch(RowKind::kFormer, "");
  former_.push_back(configuration_.cluster_id);
  if (former_.size() > limits::kFormerClustersKept) former_.pop_front();
  for (const auto& [id, incarnation] : std::map(anew_)) forget_anew(id);
  for (const auto& [id, wanted] : wanted_) {
    touch(RowKind::kWanted, id);
    if (!configuration.is_member(id, wanted.incarnation)) remember_removed(wanted.incarnation);
  }
  wanted_.clear();
  // It may have been about to be taken out.
  std::erase_if(removed_, [&](Incarnation one) {
    return std::any_of(configuration.members.begin(), configuration.members.end(),
                       [&](const Member& member) { return member.incarnation == one; });
  });
  touch(RowKind::kRemoved, "");
  for (const auto& [id, leaving] : leaving_) touch(RowKind::kLeaving, id);
  leaving_.clear();
}

void Members::note(const Configuration& configuration, Index at) {
  const bool goes_on =
      !configuration_.members.empty() && configuration.cluster_id != configuration_.cluster_id;
  if (goes_on) begin_anew(configuration);
  configuration_ = configuration;
  configuration_index_ = at;
  if (wanted_.empty()) {
    for (const Member& member : configuration.members) {
      touch(RowKind::kWanted, member.id);
      wanted_[member.id] = {member.incarnation, member.peer_address, member.api_address, at, ""};
    }
  }
  for (auto leaving = leaving_.begin(); leaving != leaving_.end();) {
    if (configuration.is_member(leaving->first, leaving->second.incarnation)) {
      ++leaving;
      continue;
    }
    touch(RowKind::kLeaving, leaving->first);
    leaving = leaving_.erase(leaving);
  }
  changed();
}

void Members::remember_removed(Incarnation incarnation) {
  if (!incarnation || was_removed(incarnation)) return;
  touch(RowKind::kRemoved, "");
  removed_.push_back(incarnation);
  if (removed_.size() > limits::kRemovedNodesKept) removed_.pop_front();
}

void Members::changed() {
  ++version_;
  std::string bytes;
  Writer out(bytes);
  encode(out);
  hash_ = hash64(bytes);
}

void Members::encode(Writer& out) const {
  out.u32(static_cast<uint32_t>(wanted_.size()));
  for (const auto& [id, wanted] : wanted_) {
    out.bytes(id);
    out.u64(wanted.incarnation.value);
    out.bytes(wanted.peer_address);
    out.bytes(wanted.api_address);
    out.u64(wanted.since.value);
    out.bytes(wanted.admitted_by);
  }
  out.u32(static_cast<uint32_t>(leaving_.size()));
  for (const auto& [id, leaving] : leaving_) {
    out.bytes(id);
    out.u64(leaving.incarnation.value);
    out.boolean(leaving.force);
  }
  out.u32(static_cast<uint32_t>(removed_.size()));
  for (const Incarnation incarnation : removed_) out.u64(incarnation.value);
  // Nothing where there is none, so that a state without has the hash that it always had.
  for (const auto& [id, incarnation] : anew_) {
    out.bytes(id);
    out.u64(incarnation.value);
  }
  for (const ClusterId& cluster : former_) patronus::encode(out, cluster);
  out.u64(configuration_index_.value);
  out.boolean(!configuration_.members.empty());
  if (!configuration_.members.empty()) out.bytes(encode_configuration(configuration_));
}

}  // namespace patronus
