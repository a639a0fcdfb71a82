// Who belongs to the cluster. It travels as an entry of the log and takes effect once appended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"

namespace patronus {

struct Member {
  NodeId id;
  Incarnation
      incarnation;  // of the data directory that was taken in; another one under this id is a stranger
  std::string peer_address;
  std::string api_address;
  bool voter = true;

  friend bool operator==(const Member&, const Member&) = default;
};

struct Configuration {
  ClusterId cluster_id;
  std::vector<Member> members;  // by id, ascending, each once

  // The member with this id, or null. The pointer lives as long as the configuration.
  const Member* find(const NodeId& id) const;
  // True if the id is a voter here under just this incarnation.
  bool is_voter(const NodeId& id, Incarnation incarnation) const;
  size_t voters() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

[[nodiscard]] std::string encode_configuration(const Configuration& configuration);
// Nothing if the bytes are not a valid configuration: ordered ids, no more than kMembersMax, a voter at
// least.
[[nodiscard]] std::optional<Configuration> decode_configuration(std::string_view bytes);

}  // namespace patronus
