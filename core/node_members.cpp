// What a node does for the membership: it lets in who comes empty, tells those who were taken out, and as
// leader takes one step after the other until the configuration is what is wanted.
#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/node.h"

namespace patronus {

void Node::handle(Now now, VisitorCame& event, Effects& out) {
  note_life(event.visitor, false, out);
  founding_.came(event.visitor.id);
  visitors_.came(event.visitor, now.mono);
}
void Node::handle(Now, VisitorLeft& event, Effects&) {
  founding_.left(event.visitor);
  visitors_.left(event.visitor);
}

void Node::keep_members(Now now, Effects& out) {
  drain_if_leaving(now, out);
  leave_if_removed(out);
  begin_anew_if_told(now, out);
  if (visitors_.look_is_due(now.mono)) look_at_visitors(now, out);
  // Of itself a node says it where nobody else may: alone, or as the only one that the others can reach.
  if (now.mono >= next_own_addresses_) {
    next_own_addresses_ = now.mono + limits::kAdmitRetry;
    if (has_moved(identity(), false)) tell_addresses(now, identity(), false, out);
  }
  change_members(now, out);
}

void Node::look_at_visitors(Now now, Effects& out) {
  const bool belongs = raft_.is_member(boot_.id, boot_.incarnation) && store_.applied() > Index{};
  if (!belongs) return;
  for (auto& [id, visitor] : visitors_.all()) {
    if (now.mono < visitor.next) continue;
    const auto reached = links_.find(id);
    const bool is_linked =
        reached != links_.end() && reached->second.incarnation == visitor.identity.incarnation;
    if (is_linked) visitor.missed_since.reset();
    if (!is_linked && !visitor.missed_since) visitor.missed_since = now.mono;
    // What a stream that came in says may be long past; where a node was reached it says what it is now.
    const PeerIdentity& member = is_linked ? reached->second : visitor.identity;
    const bool is_missed =
        !is_linked && raft_.is_leader() && now.mono - *visitor.missed_since > limits::kOtherAddressPatience;
    if (may_come_in(visitor.identity)) {
      let_in(visitor, now, out);
    } else if ((is_linked || is_missed) && has_moved(member, is_missed)) {
      visitor.next = now.mono + limits::kAdmitRetry;
      tell_addresses(now, member, is_missed, out);
    } else if (!visitor.identity.cluster_id && is_too_old(visitor.identity)) {
      visitor.next = Instant::never();
      out.emplace_back(Notice{
          NoticeKind::kStranger,
          "node " + id + " can't come in: its version does not know clusters that go on from a lost one"});
    } else if (is_stranger(visitor.identity)) {
      visitor.next = now.mono + limits::kNotMemberInterval;
      const auto link = links_.find(id);
      if (link == links_.end() || link->second.incarnation != visitor.identity.incarnation) continue;
      raft_.send(id,
                 NotMember{store_.members().configuration_index(),
                           store_.members().was_removed(visitor.identity.incarnation)},
                 PersistId{}, out);
    }
  }
}

// It would not understand the state.
bool Node::is_too_old(const PeerIdentity& visitor) const {
  return !store_.members().former().empty() && visitor.protocol < protocol::kFormerClusters;
}

// Where an operator has said a node's peers reach it, that counts, until they can't.
bool Node::has_moved(const PeerIdentity& member, bool is_missed) const {
  const auto known = store_.members().wanted().find(member.id);
  if (known == store_.members().wanted().end() || known->second.incarnation != member.incarnation ||
      store_.members().was_removed(member.incarnation))
    return false;
  const bool is_told = known->second.admitted_by.starts_with("user ") && !is_missed;
  return (!is_told && !member.peer_address.empty() && member.peer_address != known->second.peer_address) ||
         (!member.api_address.empty() && member.api_address != known->second.api_address);
}

void Node::tell_addresses(Now now, const PeerIdentity& member, bool is_missed, Effects& out) {
  if (known_leader_.empty() || !vouches(now)) return;
  const WantedNode& known = store_.members().wanted().at(member.id);
  const bool is_told = known.admitted_by.starts_with("user ") && !is_missed;
  const auto said = [](const std::string& text, const std::string& otherwise) {
    return text.empty() ? otherwise : text;
  };
  AdmitNodeOp op{member.id,
                 member.incarnation,
                 is_told ? known.peer_address : said(member.peer_address, known.peer_address),
                 said(member.api_address, known.api_address),
                 boot_.id,
                 member.incarnation};
  ClientWrite write{RequestId{}, MemberOp{std::move(op)}, std::nullopt, now.mono + limits::kAdmitRetry,
                    std::nullopt};
  handle(now, write, out);
}

// A node that has nothing and is not wanted yet under this data directory, but might be. One whose disk was
// damaged is no new node: where the operator wants to be asked, that is not what about.
bool Node::may_come_in(const PeerIdentity& visitor) const {
  const Members& members = store_.members();
  const bool has_nothing =
      !visitor.cluster_id || (visitor.rebuilds && visitor.cluster_id == raft_.hard_state().cluster_id);
  if (!has_nothing || members.was_removed(visitor.incarnation) ||
      members.is_wanted(visitor.id, visitor.incarnation))
    return false;
  if (is_too_old(visitor)) return false;
  const auto known = members.wanted().find(visitor.id);
  if (known == members.wanted().end())
    return boot_.auto_join && members.wanted().size() < limits::kMembersMax;
  const bool expected = !known->second.incarnation;
  return boot_.auto_join || expected || visitor.rebuilds;
}

// Proposes that the visitor is taken in. All members see it, and whoever is first is enough. A stream can
// outlive its machine's power, and then stands here while another disk has long come under that name: so the
// node is dialled, and must be there still after this one has learnt which disk is wanted.
void Node::let_in(Visitors::Visitor& visitor, Now now, Effects& out) {
  if (known_leader_.empty() || !vouches(now)) return;
  const PeerIdentity& who = visitor.identity;
  const auto wanted = store_.members().wanted().find(who.id);
  const Incarnation known =
      wanted == store_.members().wanted().end() ? Incarnation{} : wanted->second.incarnation;
  if (visitor.known != known) {
    visitor.known = known;
    visitor.known_since = now.mono;
  }
  const auto link = links_.find(who.id);
  if (link == links_.end()) return;
  if (linked_since_.at(who.id) <= visitor.known_since) {
    visitor.next = now.mono + limits::kAdmitPatience;
    out.emplace_back(Redial{who.id});
    return;
  }
  if (link->second.incarnation != who.incarnation) return;
  visitor.next = now.mono + limits::kAdmitRetry;
  AdmitNodeOp op{who.id, who.incarnation, who.peer_address, who.api_address, boot_.id, known};
  ClientWrite write{RequestId{}, MemberOp{std::move(op)}, std::nullopt, now.mono + limits::kAdmitRetry,
                    std::nullopt};
  handle(now, write, out);
}

// A node of this cluster, or one that tried to become one, that has no place in it. As long as a
// configuration that takes it out is not committed its vote may still be needed.
bool Node::is_stranger(const PeerIdentity& visitor) const {
  const Members& members = store_.members();
  if (raft_.is_member(visitor.id, visitor.incarnation) ||
      members.configuration().is_member(visitor.id, visitor.incarnation))
    return false;
  if (members.was_removed(visitor.incarnation)) return true;
  return visitor.cluster_id && !visitor.rebuilds && visitor.cluster_id == raft_.hard_state().cluster_id &&
         !members.is_wanted(visitor.id, visitor.incarnation);
}

void Node::on_not_member(const PeerMessage& event, const NotMember& said, Effects& out) {
  const ClusterId& own = raft_.hard_state().cluster_id;
  if (own && event.message.cluster_id != own) return;
  // That the replicated state names it is the last word, also from a member that came after this node's time.
  // Otherwise it counts what members say whom this node knows; and as one that is still catching up reads old
  // configurations without itself, only a configuration that comes after its own time says anything.
  const Index was_member = raft_.log().latest_membership(boot_.id, boot_.incarnation);
  const bool by_index =
      raft_.is_member(event.from, event.incarnation) && was_member && said.configuration_index > was_member;
  const bool taken_out = said.removed || by_index;
  if (!taken_out || told_removed_) return;
  told_removed_ = true;
  out.emplace_back(Removed{"this node was removed from the cluster, as node " + event.from +
                           " says; its data directory may be deleted"});
}

void Node::leave_if_removed(Effects& out) {
  // The log says so, or, if it was cut since, the state.
  const Members& members = store_.members();
  const bool state_says_so = members.was_removed(boot_.incarnation) && !raft_.is_leader() &&
                             !members.configuration().is_member(boot_.id, boot_.incarnation) &&
                             !raft_.is_member(boot_.id, boot_.incarnation);
  if (told_removed_ || !(raft_.is_removed() || state_says_so)) return;
  told_removed_ = true;
  out.emplace_back(Removed{"this node was removed from the cluster; its data directory may be deleted"});
}

bool Node::is_leaving() const {
  const auto& leaving = store_.members().leaving();
  const auto own = leaving.find(boot_.id);
  return own != leaving.end() && own->second.incarnation == boot_.incarnation;
}

// Who is to leave drains first, so that balancers send its clients elsewhere while it still serves.
void Node::drain_if_leaving(Now now, Effects& out) {
  const auto& leaving = store_.members().leaving();
  Drain drain{true};
  if (!draining_ && is_leaving()) handle(now, drain, out);
  std::erase_if(leaving_since_, [&](const auto& one) { return !leaving.contains(one.first); });
  for (const auto& [id, node] : leaving) leaving_since_.try_emplace(id, now.mono);
}

// Then there is no step to be taken, whoever is healthy; a leader asks that with everything that happens.
bool Node::members_are_those_wanted() const {
  const Configuration& configuration = *raft_.log().configuration();
  const auto& all = store_.members().wanted();
  return configuration.members.size() == all.size() &&
         std::all_of(configuration.members.begin(), configuration.members.end(), [&](const Member& member) {
           const auto at = all.find(member.id);
           if (member.standing != Standing::kVoter || at == all.end()) return false;
           const WantedNode& wanted = at->second;
           return wanted.incarnation == member.incarnation && wanted.peer_address == member.peer_address &&
                  wanted.api_address == member.api_address;
         });
}

void Node::change_members(Now now, Effects& out) {
  // What is wanted must be known as of the configuration in force.
  const bool knows = raft_.may_change_configuration() &&
                     store_.applied() >= raft_.log().configuration_index() &&
                     store_.applied() >= std::get<Leader>(raft_.role()).first_index;
  if (!knows && !(MUTANT(kChangeBeforeOwnTerm) && raft_.may_change_configuration())) return;
  if (members_are_those_wanted()) return;
  membership::Step step = membership::next_step(membership_view(now));
  if (auto* next = std::get_if<Configuration>(&step)) {
    if (raft_.change_configuration(now, *next, out))
      out.emplace_back(Notice{NoticeKind::kRole, "changes the configuration to " + describe(*next)});
  } else if (std::holds_alternative<membership::HandOver>(step) && now.mono >= next_retirement_) {
    next_retirement_ = now.mono + limits::kHandOverRetry;
    (void)raft_.transfer(now, NodeId{}, LeaderCause::kTransfer, out);
  }
}

membership::View Node::membership_view(Now now) const {
  membership::View view;
  view.leader = boot_.id;
  view.configuration = raft_.log().configuration();
  for (const auto& [id, wanted] : store_.members().wanted()) {
    if (wanted.incarnation) view.wanted[id] = {wanted.incarnation, wanted.peer_address, wanted.api_address};
  }
  for (const auto& [id, leaving] : store_.members().leaving()) {
    view.leaving[id] = leaving.force;
    const auto since = leaving_since_.find(id);
    const bool begins =
        since == leaving_since_.end() || now.mono - since->second < boot_.leave_grace + limits::kLeaveMargin;
    if (begins && !leaving.force) view.parting.insert(id);
  }
  for (const auto& [id, incarnation] : store_.members().anew()) {
    if (raft_.is_member(id, incarnation)) view.anew.insert(id);
  }
  view.health = raft_.member_health(now);
  for (const auto& [id, link] : links_) view.present.insert({id, link.incarnation});
  view.stable_after = raft_.election_timeout();
  return view;
}

// A member may be lost only by what the state says, so what is under way in the log must be applied first.
std::optional<Refusal> Node::obstacle_to_losing(
    Now now, const std::function<bool(const membership::View&)>& may) const {
  const Index known_from = std::max(std::get<Leader>(raft_.role()).first_index, last_member_op_);
  if (store_.applied() < known_from) return Refusal::kBusy;
  const membership::View view = membership_view(now);
  if (may(view)) return std::nullopt;
  // A leader that is new has not heard everybody yet, and shall not call healthy voters lost.
  const bool knows = std::all_of(view.health.begin(), view.health.end(), [](const auto& member) {
    return member.second.healthy || member.second.silent;
  });
  return knows ? Refusal::kWouldBreakQuorum : Refusal::kBusy;
}

std::optional<Refusal> Node::membership_obstacle(Now now, const Blob& command) const {
  if (!raft_.is_leader()) return std::nullopt;
  const std::optional<MemberOp> op = decode_membership(command.view());
  if (!op) return std::nullopt;
  if (const auto* remove = std::get_if<RemoveNodeOp>(&*op)) {
    return obstacle_to_losing(now, [&](const membership::View& view) {
      return membership::may_remove(view, remove->id, remove->force);
    });
  }
  if (const auto* reinit = std::get_if<ReinitNodeOp>(&*op)) {
    if (reinit->id == boot_.id) return Refusal::kLeads;
    return obstacle_to_losing(
        now, [&](const membership::View& view) { return membership::may_begin_anew(view, reinit->id); });
  }
  // A member that is heard has not lost its disk: another process has taken its name.
  const auto& admit = std::get<AdmitNodeOp>(*op);
  const std::map<NodeId, MemberHealth> health = raft_.member_health(now);
  const auto member = health.find(admit.id);
  const bool replaces_a_live_one = admit.replaces && admit.replaces != admit.incarnation &&
                                   raft_.is_member(admit.id, admit.replaces) && member != health.end() &&
                                   !member->second.silent;
  return replaces_a_live_one ? std::optional(Refusal::kBusy) : std::nullopt;
}

Node::TargetsVersion Node::targets_version() const {
  const Index index = raft_.log().configuration_index();
  // One that was cut is committed, so its index says it all.
  return {index, raft_.log().term_at(index).value_or(Term{}), store_.members().version(),
          visitors_.version()};
}

std::vector<PeerTarget> Node::peer_targets() const {
  std::vector<PeerTarget> targets;
  const Configuration* configuration = raft_.log().configuration();
  if (configuration == nullptr) return targets;
  const auto add = [&](const NodeId& id, const std::string& address) {
    const bool known = std::any_of(targets.begin(), targets.end(),
                                   [&](const PeerTarget& target) { return target.id == id; });
    if (id != boot_.id && !known && !address.empty() && targets.size() < limits::kPeerTargetsMax)
      targets.push_back({id, address});
  };
  for (const auto& [id, wanted] : store_.members().wanted()) add(id, wanted.peer_address);
  for (const Member& member : configuration->members) add(member.id, member.peer_address);
  for (const auto& [id, visitor] : visitors_.all()) {
    if (may_come_in(visitor.identity) || is_stranger(visitor.identity))
      add(id, visitor.identity.peer_address);
  }
  return targets;
}

}  // namespace patronus
