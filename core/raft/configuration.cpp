#include "core/raft/configuration.h"

#include <algorithm>

#include "core/base/limits.h"
#include "core/raft/entry.h"

namespace patronus {

bool votes_in(Half half, Standing standing) {
  switch (standing) {
    case Standing::kVoter:
      return true;
    case Standing::kLearner:
      return false;
    case Standing::kJoining:
      return half == Half::kIncoming;
    case Standing::kLeaving:
      return half == Half::kOutgoing;
  }
  return false;
}

const Member* Configuration::find(const NodeId& id) const {
  const auto at = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.id == id; });
  return at == members.end() ? nullptr : &*at;
}

bool Configuration::is_voter(const NodeId& id, Incarnation incarnation) const {
  const Member* member = find(id);
  return member != nullptr && member->votes() && member->incarnation == incarnation;
}

bool Configuration::is_member(const NodeId& id, Incarnation incarnation) const {
  const Member* member = find(id);
  return member != nullptr && member->incarnation == incarnation;
}

bool Configuration::is_joint() const {
  return std::any_of(members.begin(), members.end(), [](const Member& m) {
    return m.standing == Standing::kJoining || m.standing == Standing::kLeaving;
  });
}

size_t Configuration::voters(Half half) const {
  return static_cast<size_t>(std::count_if(members.begin(), members.end(),
                                           [half](const Member& m) { return votes_in(half, m.standing); }));
}

std::string encode_configuration(const Configuration& configuration) {
  std::string bytes;
  Writer out(bytes);
  encode(out, configuration.cluster_id);
  out.u32(static_cast<uint32_t>(configuration.members.size()));
  for (const Member& member : configuration.members) {
    out.bytes(member.id);
    out.u64(member.incarnation.value);
    out.bytes(member.peer_address);
    out.bytes(member.api_address);
    out.u8(static_cast<uint8_t>(member.standing));
  }
  return bytes;
}

std::optional<Configuration> decode_configuration(std::string_view bytes) {
  Reader in(bytes);
  Configuration configuration;
  configuration.cluster_id = decode_cluster_id(in);
  const size_t count = in.count(limits::kMembersMax, 21);
  for (size_t i = 0; i < count; ++i) {
    Member member;
    member.id = in.text(limits::kNodeIdBytesMax);
    member.incarnation = Incarnation{in.u64()};
    member.peer_address = in.text(limits::kAddressBytesMax);
    member.api_address = in.text(limits::kAddressBytesMax);
    const uint8_t standing = in.u8();
    member.standing = static_cast<Standing>(standing);
    const bool ordered = configuration.members.empty() || configuration.members.back().id < member.id;
    const bool known = standing >= 1 && standing <= static_cast<uint8_t>(Standing::kLeaving);
    if (!is_node_id(member.id) || !member.incarnation || !ordered || !known) return std::nullopt;
    configuration.members.push_back(std::move(member));
  }
  if (!in.done() || !configuration.cluster_id) return std::nullopt;
  if (configuration.voters(Half::kOutgoing) == 0 || configuration.voters(Half::kIncoming) == 0)
    return std::nullopt;
  return configuration;
}

std::string describe(const Configuration& configuration) {
  static constexpr std::string_view kStandings[] = {"", "", " (learner)", " (joining)", " (leaving)"};
  std::string text;
  for (const Member& member : configuration.members) {
    if (!text.empty()) text += ", ";
    text += member.id;
    text += kStandings[static_cast<size_t>(member.standing)];
  }
  return text;
}

Configuration after_joint(const Configuration& joint) {
  Configuration after{joint.cluster_id, {}};
  for (Member member : joint.members) {
    if (member.standing == Standing::kLeaving) continue;
    if (member.standing == Standing::kJoining) member.standing = Standing::kVoter;
    after.members.push_back(std::move(member));
  }
  return after;
}

bool is_lawful_step(const Configuration& from, const Configuration& to) {
  if (from.cluster_id != to.cluster_id || to.members.size() > limits::kMembersMax) return false;
  if (from.is_joint()) return to == after_joint(from);
  const auto same_outgoing_voters = [](const Configuration& a, const Configuration& b) {
    return std::all_of(a.members.begin(), a.members.end(), [&](const Member& member) {
      if (!votes_in(Half::kOutgoing, member.standing)) return true;
      const Member* there = b.find(member.id);
      return there != nullptr && there->incarnation == member.incarnation &&
             votes_in(Half::kOutgoing, there->standing);
    });
  };
  return to.voters(Half::kIncoming) > 0 && same_outgoing_voters(from, to) && same_outgoing_voters(to, from);
}

}  // namespace patronus
