// What the leader does about membership: from who is wanted and who is in the configuration to the next
// single step. Pure; asked again and again, also by the next leader, so that nothing depends on who began a
// change.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/configuration.h"

namespace patronus {

// A member as the leader sees it.
struct MemberHealth {
  bool healthy = false;  // heard within an election timeout, and its process is not known to have ended
  bool silent = false;   // not heard by this leader for an election timeout, or its process has ended
  bool draining = false;
  uint64_t lag = 0;   // entries it has not acknowledged
  Duration steady{};  // how long it was heard without a gap
};

namespace membership {

struct Wanted {
  Incarnation incarnation;
  std::string peer_address;
  std::string api_address;
};

struct View {
  NodeId leader;
  const Configuration* configuration = nullptr;  // the latest; committed
  std::map<NodeId, Wanted> wanted;
  std::map<NodeId, bool> leaving;  // members taken out by an operator, and whether whatever becomes of it
  std::set<NodeId> anew;           // who is about to set its disk aside
  std::set<NodeId> parting;        // of these, who is still given time to send its clients elsewhere
  std::map<NodeId, MemberHealth> health;             // of the members, the leader among them
  std::set<std::pair<NodeId, Incarnation>> present;  // data directories that the leader has a link to
  Duration stable_after{};                           // so long a learner must be heard before it gets a vote
};

// The leader itself is to go: it hands over first.
struct HandOver {};
using Step = std::variant<std::monostate, Configuration, HandOver>;

// The next step, or none. A configuration is a lawful step from the one in the view.
[[nodiscard]] Step next_step(const View& view);

// True if the cluster serves without this member: a majority of the voters that are left is healthy, and of
// those that stay wanted as well, or it has no vote. With `force` nobody looks at the latter. The former has
// no exception: a configuration that can't be committed would end all service, and could not be taken back.
[[nodiscard]] bool may_remove(const View& view, const NodeId& id, bool force);

// True if the cluster serves while this member has no disk and still counts as a voter: the other healthy
// voters are a majority of all, in either half.
[[nodiscard]] bool may_begin_anew(const View& view, const NodeId& id);

}  // namespace membership
}  // namespace patronus
