#include "core/raft/configuration.h"

#include <algorithm>

#include "core/base/limits.h"
#include "core/raft/entry.h"

namespace patronus {

const Member* Configuration::find(const NodeId& id) const {
  const auto at = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.id == id; });
  return at == members.end() ? nullptr : &*at;
}

bool Configuration::is_voter(const NodeId& id, Incarnation incarnation) const {
  const Member* member = find(id);
  return member != nullptr && member->voter && member->incarnation == incarnation;
}

size_t Configuration::voters() const {
  return static_cast<size_t>(
      std::count_if(members.begin(), members.end(), [](const Member& m) { return m.voter; }));
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
    out.boolean(member.voter);
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
    member.voter = in.boolean();
    const bool ordered = configuration.members.empty() || configuration.members.back().id < member.id;
    if (!is_node_id(member.id) || !member.incarnation || !ordered) return std::nullopt;
    configuration.members.push_back(std::move(member));
  }
  if (!in.done() || !configuration.cluster_id || configuration.voters() == 0) return std::nullopt;
  return configuration;
}

}  // namespace patronus
