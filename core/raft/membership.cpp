#include "core/raft/membership.h"

#include <algorithm>
#include <optional>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/quorum.h"

namespace patronus::membership {
namespace {

bool is_wanted(const View& view, const Member& member) {
  const auto at = view.wanted.find(member.id);
  return at != view.wanted.end() && at->second.incarnation == member.incarnation;
}

MemberHealth health_of(const View& view, const NodeId& id) {
  const auto at = view.health.find(id);
  return at == view.health.end() ? MemberHealth{} : at->second;
}

// Another disk came under its name, without anybody having taken this one out.
bool has_successor(const View& view, const Member& member) {
  return view.wanted.contains(member.id) && !is_wanted(view, member) && !view.leaving.contains(member.id);
}

// Whoever has a successor under its name has lost its disk, or is about to, even if it was heard a moment
// ago.
bool counts_as_healthy(const View& view, const Member& member) {
  return health_of(view, member.id).healthy && !has_successor(view, member) && !view.anew.contains(member.id);
}

// Voters of a configuration, and how many of them are healthy.
struct Count {
  size_t voters = 0;
  size_t healthy = 0;

  void add(bool is_healthy) {
    ++voters;
    if (is_healthy) ++healthy;
  }
  bool is_served() const { return voters > 0 && healthy >= quorum::majority(voters); }
};

bool lags(const MemberHealth& health) {
  return health.lag > limits::kPromoteLagEntriesMax && !MUTANT(kPromoteAtOnce);
}

// It keeps up and shows no sign of leaving.
bool keeps_up(const View& view, const Member& member) {
  const MemberHealth health = health_of(view, member.id);
  return member.standing == Standing::kLearner && is_wanted(view, member) && health.healthy &&
         !health.draining && !lags(health);
}

const Member* learner_that_is_ready(const View& view) {
  for (const Member& member : view.configuration->members) {
    const bool stable = health_of(view, member.id).steady >= view.stable_after || MUTANT(kPromoteAtOnce);
    if (keeps_up(view, member) && stable) return &member;
  }
  return nullptr;
}

// Another disk came under a known name. As long as the old one is heard it is not known to be lost: two
// processes with one name are a mistake that must not cost the good one its place.
bool is_alive_beside_its_successor(const View& view, const Member& member) {
  return has_successor(view, member) && !health_of(view, member.id).silent;
}

// The first member that has to go and may.
const Member* member_to_take_out(const View& view) {
  const Member* found = nullptr;
  for (const Member& member : view.configuration->members) {
    if (is_wanted(view, member) || is_alive_beside_its_successor(view, member)) continue;
    if (view.parting.contains(member.id) && !health_of(view, member.id).silent) continue;
    const auto leaving = view.leaving.find(member.id);
    if (!may_remove(view, member.id, leaving != view.leaving.end() && leaving->second)) continue;
    // Those that are lost go first: they only make majorities larger.
    const bool lost = !health_of(view, member.id).healthy;
    if (found == nullptr || (lost && health_of(view, found->id).healthy)) found = &member;
  }
  return found;
}

Configuration with_standing(const Configuration& from, const NodeId& id, Standing standing) {
  Configuration next = from;
  for (Member& member : next.members) {
    if (member.id == id) member.standing = standing;
  }
  return next;
}

Configuration without(const Configuration& from, const NodeId& id) {
  Configuration next = from;
  std::erase_if(next.members, [&](const Member& member) { return member.id == id; });
  return next;
}

std::optional<Configuration> add_learner(const View& view) {
  if (view.configuration->members.size() >= limits::kMembersMax) return std::nullopt;
  for (const auto& [id, wanted] : view.wanted) {
    const bool known = view.configuration->find(id) != nullptr;
    if (known || !view.present.contains({id, wanted.incarnation})) continue;
    Configuration next = *view.configuration;
    const auto place = std::find_if(next.members.begin(), next.members.end(),
                                    [&, &name = id](const Member& member) { return name < member.id; });
    next.members.insert(
        place, {id, wanted.incarnation, wanted.peer_address, wanted.api_address, Standing::kLearner});
    return next;
  }
  return std::nullopt;
}

// Members that moved.
std::optional<Configuration> new_addresses(const View& view) {
  Configuration next = *view.configuration;
  for (Member& member : next.members) {
    if (!is_wanted(view, member)) continue;
    const Wanted& wanted = view.wanted.at(member.id);
    member.peer_address = wanted.peer_address;
    member.api_address = wanted.api_address;
  }
  if (next == *view.configuration) return std::nullopt;
  return next;
}

Step take_out(const View& view, const Member& member, const Member* successor) {
  if (!member.votes()) return without(*view.configuration, member.id);
  if (member.id == view.leader) return HandOver{};
  Configuration next = with_standing(*view.configuration, member.id, Standing::kLeaving);
  // A learner that is ready takes the place in the same step, so that the cluster never bears less.
  if (successor != nullptr) next = with_standing(next, successor->id, Standing::kJoining);
  return next;
}

}  // namespace

bool may_remove(const View& view, const NodeId& id, bool force) {
  const Member* doomed = view.configuration->find(id);
  if (doomed == nullptr || !doomed->votes() || MUTANT(kRemoveUnguarded)) return true;
  Count next;   // in the configuration that comes of it
  Count later;  // and once all who are to go are gone
  for (const Member& member : view.configuration->members) {
    if (member.id == id || !votes_in(Half::kIncoming, member.standing)) continue;
    const bool healthy = counts_as_healthy(view, member);
    next.add(healthy);
    if (is_wanted(view, member)) later.add(healthy);
  }
  return next.is_served() && (force || later.is_served());
}

bool may_begin_anew(const View& view, const NodeId& id) {
  return quorum::has_majority(*view.configuration, [&](const Member& member) {
    return member.id != id && counts_as_healthy(view, member);
  });
}

Step next_step(const View& view) {
  if (view.configuration->is_joint()) return after_joint(*view.configuration);
  const Member* ready = learner_that_is_ready(view);
  if (const Member* doomed = member_to_take_out(view)) {
    // One that is about to be ready is waited for: that takes no longer than an election timeout.
    const bool soon = ready == nullptr && doomed->votes() &&
                      std::any_of(view.configuration->members.begin(), view.configuration->members.end(),
                                  [&](const Member& member) { return keeps_up(view, member); });
    if (!soon) return take_out(view, *doomed, ready);
  }
  if (ready != nullptr) return with_standing(*view.configuration, ready->id, Standing::kJoining);
  if (std::optional<Configuration> next = add_learner(view)) return *next;
  if (std::optional<Configuration> next = new_addresses(view)) return *next;
  return {};
}

}  // namespace patronus::membership
