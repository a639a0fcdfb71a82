// Who belongs to the cluster. It travels as an entry of the log and takes effect once appended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"

namespace patronus {

// Who counts. While members join or leave with a vote the configuration is joint: whatever needs a majority
// then needs one of the outgoing voters and one of the incoming (Raft paper, section 6).
enum class Standing : uint8_t {
  kVoter = 1,    // votes in both halves
  kLearner = 2,  // is sent the log and counts for nothing
  kJoining = 3,  // votes among the incoming only
  kLeaving = 4,  // votes among the outgoing only
};
enum class Half : uint8_t { kOutgoing, kIncoming };

// Whether a member of this standing has a vote in that half.
bool votes_in(Half half, Standing standing);

struct Member {
  NodeId id;
  Incarnation
      incarnation;  // of the data directory that was taken in; another one under this id is a stranger
  std::string peer_address;
  std::string api_address;
  Standing standing = Standing::kVoter;

  bool votes() const { return votes_in(Half::kOutgoing, standing) || votes_in(Half::kIncoming, standing); }

  friend bool operator==(const Member&, const Member&) = default;
};

struct Configuration {
  ClusterId cluster_id;
  std::vector<Member> members;  // by id, ascending, each once

  // The member with this id, or null. The pointer lives as long as the configuration.
  const Member* find(const NodeId& id) const;
  bool is_member(const NodeId& id, Incarnation incarnation) const;
  // True if the id has a vote here, in either half, under just this incarnation.
  bool is_voter(const NodeId& id, Incarnation incarnation) const;
  // Somebody is joining or leaving with a vote, so that two majorities are needed.
  bool is_joint() const;
  size_t voters(Half half) const;
  // Those who count once the change is done.
  size_t voters() const { return voters(Half::kIncoming); }

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

[[nodiscard]] std::string encode_configuration(const Configuration& configuration);
// Nothing if the bytes are not a valid configuration: ordered ids, no more than kMembersMax, a voter at
// least in either half.
[[nodiscard]] std::optional<Configuration> decode_configuration(std::string_view bytes);

// In words for a log line: ids, with their standing unless they are voters.
std::string describe(const Configuration& configuration);

// What becomes of a joint configuration: who joins is a voter, who leaves is gone. Another one stays as it
// is.
[[nodiscard]] Configuration after_joint(const Configuration& joint);

// True if a leader may go from one configuration to the other in one entry: out of a joint one to what
// becomes of it; into a joint one whose outgoing voters are those of `from`; or with the same voters, for
// learners and addresses. Then any majority of the one and any of the other have a voter in common.
[[nodiscard]] bool is_lawful_step(const Configuration& from, const Configuration& to);

}  // namespace patronus
