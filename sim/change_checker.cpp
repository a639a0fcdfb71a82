#include "sim/change_checker.h"

#include <algorithm>

#include "sim/violation.h"

namespace patronus::sim {
namespace {

bool had(const Configuration& configuration, const Member& member, Standing standing) {
  const Member* found = configuration.find(member.id);
  return found != nullptr && found->incarnation == member.incarnation && found->standing == standing;
}

}  // namespace

void ChangeChecker::after_step(const Host& host) {
  const Raft& raft = host.node().raft();
  const Configuration* next = raft.log().configuration();
  if (!raft.is_leader() || next == nullptr) {
    led_.erase(host.id());
    return;
  }
  Led& led = led_[host.id()];
  const bool is_new = led.boots != host.boots() || led.term != raft.term();
  const Index index = raft.log().configuration_index();
  if (is_new) led = Led{host.boots(), raft.term(), Index{}, {}, {}};
  if (led.index == index) return;
  if (!is_new) {
    votes_for_the_steady(host, led, *next);
    majority_is_heard(host, led.configuration, *next);
  }
  std::map<NodeId, Instant> learners;
  for (const Member& member : next->members) {
    if (member.standing != Standing::kLearner) continue;
    const auto known = led.learners.find(member.id);
    const bool stays = known != led.learners.end() && had(led.configuration, member, Standing::kLearner);
    learners[member.id] = stays ? known->second : host.clock().mono;
  }
  led.learners = std::move(learners);
  led.index = index;
  led.configuration = *next;
}

void ChangeChecker::votes_for_the_steady(const Host& host, const Led& before,
                                         const Configuration& next) const {
  for (const Member& member : next.members) {
    if (member.standing != Standing::kJoining || had(before.configuration, member, Standing::kJoining))
      continue;
    const auto since = before.learners.find(member.id);
    if (since == before.learners.end() || host.clock().mono - since->second < profile_.election_timeout)
      throw Violation("promotion",
                      host.name() + " gives " + member.id + " a vote before it has proved steady");
  }
}

void ChangeChecker::majority_is_heard(const Host& host, const Configuration& before,
                                      const Configuration& next) {
  const bool takes_out = std::any_of(next.members.begin(), next.members.end(), [&](const Member& member) {
    return member.standing == Standing::kLeaving && !had(before, member, Standing::kLeaving);
  });
  if (!takes_out) return;
  const std::map<NodeId, MemberHealth> health = host.node().raft().member_health(host.clock());
  size_t stay = 0;
  size_t heard = 0;
  for (const Member& member : next.members) {
    // One that joins in the same step was heard, or it would not.
    if (!votes_in(Half::kIncoming, member.standing)) continue;
    ++stay;
    const auto known = health.find(member.id);
    if (known != health.end() && known->second.healthy) ++heard;
  }
  if (2 * heard <= stay) {
    throw Violation("removal guard", host.name() + " takes a voter out and hears " + std::to_string(heard) +
                                         " of the " + std::to_string(stay) + " that stay: " + describe(next));
  }
}

}  // namespace patronus::sim
