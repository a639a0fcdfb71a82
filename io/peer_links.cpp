#include "io/peer_links.h"

#include <algorithm>
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"

namespace patronus {

PeerLinks::PeerLinks(std::vector<PeerAddress> peers, Ports& ports, Listener& listener,
                     std::optional<Address> name)
    : ports_(ports), listener_(listener) {
  if (name) name_.emplace(std::move(*name));
  for (PeerAddress& peer : peers) add(std::move(peer), Origin::kListed, Instant{});
}

void PeerLinks::add(PeerAddress peer, Origin origin, Instant now) {
  Slot slot;
  slot.peer = std::move(peer);
  slot.origin = origin;
  slot.missed_since = now;
  slot.delay = limits::kRedialDelayMin;
  slot.at = now;
  slots_.emplace(next_slot_++, std::move(slot));
}

void PeerLinks::start(Instant now) {
  for (auto& [index, slot] : slots_) {
    slot.missed_since = now;
    dial(slot, index, now);
  }
  pursue_name(now);
}

PeerLinks::Slot* PeerLinks::slot_of(const PeerAddress& peer) {
  for (auto& [index, slot] : slots_) {
    if (slot.origin == Origin::kNamed) continue;  // such an address may be another node's tomorrow
    const bool same_place = slot.peer.id.empty() && slot.peer.address == peer.address;
    if (slot.peer.id == peer.id || slot.announced == peer.id || same_place) return &slot;
  }
  return nullptr;
}

void PeerLinks::set_targets(std::vector<PeerAddress> targets, Instant now) {
  drop_obsolete(targets, now);
  for (PeerAddress& target : targets) {
    if (Slot* known = slot_of(target)) {
      if (known->origin == Origin::kTarget) known->peer.address = target.address;
      known->other_address = known->peer.address == target.address ? "" : target.address;
      continue;
    }
    add(std::move(target), Origin::kTarget, now);
  }
}

void PeerLinks::drop_obsolete(const std::vector<PeerAddress>& targets, Instant now) {
  std::vector<size_t> obsolete;
  for (const auto& [index, slot] : slots_) {
    const bool wanted = slot.origin != Origin::kTarget ||
                        std::any_of(targets.begin(), targets.end(),
                                    [&](const PeerAddress& t) { return t.id == slot.peer.id; });
    if (!wanted) obsolete.push_back(index);
  }
  for (const size_t index : obsolete) {
    if (slots_.at(index).conn != 0) drop(slots_.at(index).conn, LinkEnd::kTimeout, now);
    slots_.erase(index);
  }
}

bool PeerLinks::is_linked(const NodeId& id, const Slot* but) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const auto& other) { return &other.second != but && other.second.announced == id; });
}

// It is linked, or has been said hello and not answered yet.
bool PeerLinks::is_met(const NodeId& id, const Slot& but) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& one) {
    return &one.second != &but && (one.second.announced == id || one.second.greeted == id);
  });
}

// It is linked, or about to be. Where nothing is proven, any dial that may lead to it counts; otherwise one
// that hangs must not hold up another that would not.
bool PeerLinks::is_sought(const NodeId& id, const Slot& but) const {
  if (is_met(id, but)) return true;
  if (proves_) return false;
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& one) {
    const Slot& other = one.second;
    const bool may_lead_there = other.peer.id == id || (other.peer.id.empty() && other.seen == id);
    return &other != &but && other.state == State::kDialling && may_lead_there;
  });
}

// Another address leads to the node that is, or was last, at this one: a second link to it would end the
// first. Where streams prove who is there before anything is said, it does no harm to look again now and
// then.
bool PeerLinks::rests(const Slot& slot, Instant now) const {
  if (!slot.lost.empty()) return false;
  if (slot.origin == Origin::kTarget) return is_sought(slot.peer.id, slot);
  if (!slot.peer.id.empty() || slot.seen.empty()) return false;
  return (!proves_ || now < slot.look_again) && is_sought(slot.seen, slot);
}

// This address leads to a node that is linked otherwise.
void PeerLinks::rest(Slot& slot, const NodeId& met, Instant now) {
  const std::string complaint = "two addresses lead to node " + met;
  if (slot.origin == Origin::kListed && std::exchange(slot.last_complaint, complaint) != complaint)
    ports_.log({NoticeKind::kStranger, complaint});
  slot.seen = met;
  slot.look_again = now + limits::kNameRest;
  slot.is_self = false;
  slot.lost.clear();  // who is met is not gone
  slot.delay = limits::kRedialDelayMax;
  drop(slot.conn, LinkEnd::kProtocol, now);
}

void PeerLinks::dial(Slot& slot, size_t index, Instant now) {
  slot.conn = listener_.new_conn(Door::kPeer);
  slot.state = State::kDialling;
  slot.at = now + limits::kDialTimeout;
  streams_.emplace(
      slot.conn,
      Stream{peer::Session(peer::Side::kDialler, listener_.own_identity(), slot.peer.id, now), index});
  const bool elsewhere = slot.try_other && !slot.other_address.empty();
  ports_.dial(slot.conn, elsewhere ? slot.other_address : slot.peer.address);
}

bool PeerLinks::accept(ConnId conn, Instant now) {
  if (streams_.size() >= limits::kPeerConnectionsMax || BUGGIFY(kPeersFull)) return false;
  streams_.emplace(
      conn, Stream{peer::Session(peer::Side::kAcceptor, listener_.own_identity(), NodeId{}, now), kAccepted});
  return true;
}

void PeerLinks::dialled(ConnId conn, Instant now) {
  const auto at = streams_.find(conn);
  if (at == streams_.end() || at->second.slot == kAccepted) return;
  Slot& slot = slots_.at(at->second.slot);
  const std::optional<NodeId> proven = ports_.proven_identity(conn);
  if (proven) proves_ = true;
  if (proven && is_met(*proven, slot)) {
    rest(slot, *proven, now);
    return;
  }
  slot.greeted = proven.value_or(NodeId{});
  slot.at = now + limits::kHandshakeTimeout;
  write_out(conn, at->second);
}

void PeerLinks::received(ConnId conn, std::string_view bytes, Instant now) {
  const auto at = streams_.find(conn);
  if (at == streams_.end()) return;
  peer::Session& session = at->second.session;
  const size_t slot = at->second.slot;
  session.feed(bytes);
  const std::string failure = failure_of(conn, at->second);
  if (session.established() && failure.empty()) {
    const PeerIdentity from = session.peer();
    if (slot == kAccepted) {
      retire_older(conn, from.id, now);
      if (!std::exchange(at->second.visits, true)) {
        if (name_ && !is_linked(from.id)) name_->hurry();
        listener_.on_visitor(from);
      }
    }
    for (Message& message : session.take_messages()) listener_.on_peer_message(from, std::move(message));
    if (slot != kAccepted && slots_.at(slot).state == State::kDialling &&
        !announce(slots_.at(slot), session, now))
      return;
  }
  if (!failure.empty()) {
    if (session.successor() && proves(conn, session.successor()->id))
      listener_.on_successor(*session.successor());
    // Only where the session itself has something to say to whom it refuses.
    if (!session.failure().empty() && session.output_bytes() > 0) write_out(conn, at->second);
    refuse(conn, at->second, failure, now);
  } else if (session.said_goodbye() && slot != kAccepted) {
    drop(conn, LinkEnd::kGoodbye, now);
  } else if (session.output_bytes() > 0) {
    write_out(conn, at->second);
  }
}

// Says why the stream is closed, and closes it. That a name leads to this node too is as it should be.
void PeerLinks::refuse(ConnId conn, const Stream& stream, const std::string& failure, Instant now) {
  const bool met_itself = stream.session.met_itself();
  if (stream.slot == kAccepted) {
    if (!met_itself) ports_.log({NoticeKind::kStranger, "a node that dialled " + failure});
  } else {
    Slot& slot = slots_.at(stream.slot);
    const std::string complaint = "the node at " + slot.peer.address + " " + failure;
    const bool is_expected = met_itself && slot.origin == Origin::kNamed;
    if (std::exchange(slot.last_complaint, complaint) != complaint && !is_expected)
      ports_.log({NoticeKind::kStranger, complaint});
    slot.is_self = met_itself;
    slot.delay = met_itself ? limits::kNameRest : limits::kRedialDelayMax;
  }
  drop(conn, LinkEnd::kProtocol, now);
}

bool PeerLinks::proves(ConnId conn, const NodeId& said) const {
  const std::optional<NodeId> proven = ports_.proven_identity(conn);
  return !proven || *proven == said;
}

// Why the stream must be closed; empty while it is sound. A node must be who its certificate says, or any
// node could speak for another.
std::string PeerLinks::failure_of(ConnId conn, Stream& stream) const {
  if (!stream.session.established() || stream.identified) return stream.session.failure();
  const NodeId& said = stream.session.peer().id;
  if (!proves(conn, said))
    return "shows a certificate of node " + *ports_.proven_identity(conn) + " and says it is " + said;
  stream.identified = true;
  return "";
}

// A node that dials again has given up its former stream, whether or not its end has reached us.
void PeerLinks::retire_older(ConnId conn, const NodeId& peer, Instant now) {
  const auto older = std::find_if(streams_.begin(), streams_.end(), [&](const auto& other) {
    const auto& [other_conn, stream] = other;
    return other_conn < conn && stream.slot == kAccepted && stream.session.established() &&
           stream.session.peer().id == peer;
  });
  if (older != streams_.end()) drop(older->first, LinkEnd::kReset, now);
}

// False if the stream was dropped instead.
bool PeerLinks::announce(Slot& slot, const peer::Session& session, Instant now) {
  if (is_linked(session.peer().id, &slot)) {
    rest(slot, session.peer().id, now);
    return false;
  }
  slot.state = State::kOpen;
  slot.at = Instant::never();
  slot.delay = limits::kRedialDelayMin;
  slot.last_complaint.clear();
  slot.announced = session.peer().id;
  slot.seen = slot.announced;
  slot.is_self = false;
  slot.lost.clear();
  stop_probing(slot.announced, now);
  listener_.on_link_up(session.peer());
  return true;
}

void PeerLinks::ended(ConnId conn, LinkEnd how, Instant now) {
  const auto at = streams_.find(conn);
  if (at == streams_.end()) return;
  if (at->second.session.said_goodbye()) how = LinkEnd::kGoodbye;
  drop(conn, how, now);
}

void PeerLinks::drop(ConnId conn, LinkEnd how, Instant now) {
  const auto at = streams_.find(conn);
  if (at == streams_.end()) return;
  const size_t index = at->second.slot;
  const NodeId from = at->second.session.established() ? at->second.session.peer().id : NodeId{};
  const bool visited = at->second.visits;
  streams_.erase(at);
  ports_.close(conn);
  if (index == kAccepted) {
    report_gone(from);
    if (visited) report_left(from);
    return;
  }
  Slot& slot = slots_.at(index);
  slot.state = State::kIdle;
  slot.conn = 0;
  slot.greeted.clear();
  slot.at = now + slot.delay;
  slot.delay = std::min<Duration>(slot.delay * 2, limits::kRedialDelayMax);
  const NodeId lost = std::exchange(slot.announced, NodeId{});
  slot.was_tried = true;
  if (lost.empty()) {
    // At first it is waited for: it may only be starting, or cut off, and the way to the other address may be
    // one that nobody meant it to take.
    const bool may_have_moved = now - slot.missed_since >= limits::kOtherAddressPatience;
    if (may_have_moved && (slot.lost.empty() || slot.refused)) slot.try_other = !slot.try_other;
    probe_ended(slot, how, now);
    return;
  }
  slot.missed_since = now;
  begin_probing(slot, lost, how, now);
  listener_.on_link_lost(lost, how);
}

void PeerLinks::report_left(const NodeId& visitor) {
  const bool still_there = std::any_of(streams_.begin(), streams_.end(), [&](const auto& other) {
    return other.second.visits && other.second.session.established() &&
           other.second.session.peer().id == visitor;
  });
  if (!still_there) listener_.on_visitor_left(visitor);
}

// Who is met by one address is not gone by another. Were that dialled again all the same, the new stream
// would end this one at the other end, whose loss would have this address dialled, and so on as fast as the
// network carries it.
void PeerLinks::stop_probing(const NodeId& met, Instant now) {
  std::vector<ConnId> under_way;
  for (auto& [index, slot] : slots_) {
    if (slot.lost != met) continue;
    slot.lost.clear();
    if (slot.state == State::kIdle) slot.at = now + slot.delay;
    if (slot.state == State::kDialling) under_way.push_back(slot.conn);
  }
  for (const ConnId conn : under_way) drop(conn, LinkEnd::kTimeout, now);
}

void PeerLinks::begin_probing(Slot& slot, const NodeId& lost, LinkEnd how, Instant now) {
  const bool process_may_have_ended =
      how == LinkEnd::kGoodbye || how == LinkEnd::kEndOfFile || how == LinkEnd::kReset;
  if (!process_may_have_ended) return;
  slot.lost = lost;
  slot.on_purpose = how == LinkEnd::kGoodbye;
  slot.refused = false;
  slot.probes = 0;
  slot.at = now;
}

// A process that dies closes its streams one after the other, so a first probe may still be taken in by a
// door that is about to close, and be broken at once: then the next one tells.
void PeerLinks::probe_ended(Slot& slot, LinkEnd how, Instant now) {
  if (slot.lost.empty() || slot.refused) return;
  if (how == LinkEnd::kRefused) {
    slot.refused = true;
    report_gone(slot.lost);
  } else if (how != LinkEnd::kTimeout && ++slot.probes < limits::kProbesMax) {
    slot.at = now + slot.probes * limits::kProbeInterval;
  } else {
    slot.lost.clear();
  }
}

// A peer whose own stream still stands is not gone, whatever becomes of dialling it.
void PeerLinks::report_gone(NodeId peer) {
  if (peer.empty()) return;
  const bool speaks = std::any_of(streams_.begin(), streams_.end(), [&](const auto& other) {
    const Stream& stream = other.second;
    return stream.slot == kAccepted && stream.session.established() && stream.session.peer().id == peer;
  });
  if (speaks) return;
  for (auto& [index, slot] : slots_) {
    if (slot.lost != peer || !slot.refused) continue;
    slot.lost.clear();
    listener_.on_peer_gone(peer, slot.on_purpose);
    return;
  }
}

void PeerLinks::send(const NodeId& to, const Message& message) {
  for (const auto& [index, slot] : slots_) {
    if (slot.state != State::kOpen || slot.announced != to) continue;
    peer::Session& session = streams_.at(slot.conn).session;
    if (session.established() && listener_.may_send_to(session.peer(), message)) session.send(message);
    return;
  }
}

void PeerLinks::write_out(ConnId conn, Stream& stream) {
  if (stream.session.output_bytes() > 0) (void)ports_.write(conn, stream.session.take_output());
}

void PeerLinks::flush(Instant now) {
  std::vector<ConnId> clogged;
  for (const auto& [index, slot] : slots_) {
    if (slot.state != State::kOpen) continue;
    Stream& stream = streams_.at(slot.conn);
    if (stream.session.output_bytes() == 0) continue;
    const size_t bytes = ports_.backlog(slot.conn) + stream.session.output_bytes();
    if (bytes > limits::kPeerOutputBytesMax || BUGGIFY(kPeerClogged)) {
      clogged.push_back(slot.conn);
    } else {
      write_out(slot.conn, stream);
    }
  }
  for (const ConnId conn : clogged) {
    ports_.log({NoticeKind::kStranger, "a peer takes nothing in; its link is reset"});
    drop(conn, LinkEnd::kReset, now);
  }
}

void PeerLinks::wake(Instant now) {
  pursue_name(now);
  for (auto& [index, slot] : slots_) {
    if (slot.at > now) continue;
    if (slot.state == State::kDialling) {
      drop(slot.conn, LinkEnd::kTimeout, now);
    } else if (slot.state == State::kIdle && rests(slot, now)) {
      slot.at = now + limits::kRedialDelayMax;
    } else if (slot.state == State::kIdle) {
      dial(slot, index, now);
    }
  }
  std::vector<ConnId> silent;
  for (const auto& [conn, stream] : streams_) {
    if (stream.slot == kAccepted && stream.session.deadline() <= now) silent.push_back(conn);
  }
  for (const ConnId conn : silent) drop(conn, LinkEnd::kTimeout, now);
}

Instant PeerLinks::deadline() const {
  Instant first = name_ ? name_->deadline() : Instant::never();
  for (const auto& [index, slot] : slots_) first = std::min(first, slot.at);
  for (const auto& [conn, stream] : streams_) {
    if (stream.slot == kAccepted) first = std::min(first, stream.session.deadline());
  }
  return first;
}

void PeerLinks::redial(const NodeId& peer, Instant now) {
  std::vector<ConnId> old;
  for (auto& [index, slot] : slots_) {
    // Also dials that are under way: what they will hear may have been said before. An address may lead to
    // that peer though it never did, unless it has proven to be another's, or is asked about another.
    const bool may_lead_there = slot.peer.id.empty() && (slot.greeted.empty() || slot.greeted == peer) &&
                                (slot.lost.empty() || slot.lost == peer);
    const bool is_dialled = slot.state == State::kDialling && (slot.peer.id == peer || may_lead_there);
    const bool is_linked_here = slot.state == State::kOpen && slot.announced == peer;
    if (is_dialled || is_linked_here) old.push_back(slot.conn);
  }
  for (const ConnId conn : old) {
    const auto at = streams_.find(conn);
    if (at == streams_.end()) continue;
    const size_t index = at->second.slot;
    drop(conn, LinkEnd::kTimeout, now);
    if (const auto slot = slots_.find(index); slot != slots_.end()) slot->second.at = now;
  }
}

void PeerLinks::say_goodbye() {
  for (auto& [conn, stream] : streams_) {
    stream.session.goodbye();
    write_out(conn, stream);
  }
}

}  // namespace patronus
