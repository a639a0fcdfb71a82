// The links to the other nodes: dials each configured address, or each that a name has, and those of the
// members besides, until someone answers there, redials with a delay that doubles, and knows whom messages
// can be sent to. A node sends over the links it dialled and receives over those it accepted. One link leads
// to a node, however many addresses do; and none to this node itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "io/config/address.h"
#include "io/peer_name.h"
#include "io/ports.h"
#include "io/protocol/peer/session.h"

namespace patronus {

struct PeerAddress {
  NodeId id;  // empty: whoever answers there
  std::string address;
};

class PeerLinks {
 public:
  // What the links report upward.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual PeerIdentity own_identity() const = 0;
    virtual bool may_send_to(const PeerIdentity& peer, const Message& message) const = 0;
    virtual ConnId new_conn(Door door) = 0;
    virtual void on_link_up(const PeerIdentity& peer) = 0;
    virtual void on_link_lost(const NodeId& peer, LinkEnd how) = 0;
    // The peer's process has ended (see PeerGone in core/event.h).
    virtual void on_peer_gone(const NodeId& peer, bool on_purpose) = 0;
    // A node's stream came in; or its last one ended.
    // That node goes on from what was left of this one's cluster, as another one.
    virtual void on_successor(const PeerIdentity& peer) = 0;
    virtual void on_visitor(const PeerIdentity& visitor) = 0;
    virtual void on_visitor_left(const NodeId& visitor) = 0;
    virtual void on_peer_message(const PeerIdentity& from, Message&& message) = 0;
  };

  // The nodes are listed, or a name leads to them, or there are none.
  PeerLinks(std::vector<PeerAddress> peers, Ports& ports, Listener& listener,
            std::optional<Address> name = std::nullopt);

  void start(Instant now);
  // Nodes to reach besides those that were configured, each once by its id: links to others are closed. A
  // configured node is also tried at the address given here, since it may have moved.
  void set_targets(std::vector<PeerAddress> targets, Instant now);
  // What the name has led to, which Ports::look_up() was asked.
  void looked_up(NameAnswer&& answer, Instant now);
  // What the search for the nodes behind the name waits for, in words (see PeersSought in core/event.h).
  std::string sought(Instant now) const;
  // A stream from another node; false if there are too many.
  bool accept(ConnId conn, Instant now);
  bool owns(ConnId conn) const { return streams_.contains(conn); }

  void dialled(ConnId conn, Instant now);
  void received(ConnId conn, std::string_view bytes, Instant now);
  void ended(ConnId conn, LinkEnd how, Instant now);

  // Sends if there is a link to that node and it is who it says; otherwise the message is dropped.
  void send(const NodeId& to, const Message& message);
  // Writes out what was queued since the last flush.
  void flush(Instant now);
  // Dials what is due, gives up what took too long.
  void wake(Instant now);
  Instant deadline() const;
  // Gives up the link to that node, if there is one, and whatever is being dialled that may lead to it, and
  // dials anew: what is heard from then on was said later.
  void redial(const NodeId& peer, Instant now);
  void say_goodbye();

 private:
  enum class State : uint8_t { kIdle, kDialling, kOpen };
  enum class Origin : uint8_t { kListed, kTarget, kNamed };
  struct Slot {
    PeerAddress peer;
    Origin origin = Origin::kListed;
    std::string other_address;  // of the same node, if it is known by another as well
    bool try_other = false;     // the next dial goes there
    Instant missed_since;       // since when nobody was reached there
    State state = State::kIdle;
    ConnId conn = 0;
    Instant at;  // idle: when to dial; dialling: when to give up
    Duration delay{};
    std::string last_complaint;  // so that the same refusal is logged once
    NodeId announced;            // the peer whose link_up was reported
    NodeId greeted;              // by its certificate: was said hello, on the stream there is
    // Of an address without an id.
    NodeId seen;           // who was there last
    Instant look_again;    // while that one is linked otherwise, it is not dialled here before
    bool is_self = false;  // this node was there itself
    bool was_tried = false;
    // After a link ended it is dialled again at once, to learn whether its process ended too.
    NodeId lost;              // who was there; empty once that is settled
    bool on_purpose = false;  // it had said goodbye
    bool refused = false;     // its machine refuses a new stream
    uint32_t probes = 0;
  };
  struct Stream {
    peer::Session session;
    size_t slot;              // of a dialled stream; kAccepted otherwise
    bool visits = false;      // an accepted one whose node was reported
    bool identified = false;  // what its certificate proves, if anything, is what it says it is
  };
  static constexpr size_t kAccepted = SIZE_MAX;

  void add(PeerAddress peer, Origin origin, Instant now);
  void dial(Slot& slot, size_t index, Instant now);
  Slot* slot_of(const PeerAddress& peer);
  void drop_obsolete(const std::vector<PeerAddress>& targets, Instant now);
  // By another slot than that, if one is given.
  bool is_linked(const NodeId& id, const Slot* but = nullptr) const;
  bool is_met(const NodeId& id, const Slot& but) const;
  bool is_sought(const NodeId& id, const Slot& but) const;
  bool rests(const Slot& slot, Instant now) const;
  void rest(Slot& slot, const NodeId& met, Instant now);
  void refuse(ConnId conn, const Stream& stream, const std::string& failure, Instant now);
  // peer_links_name.cpp
  void pursue_name(Instant now);
  void drop_unnamed(Instant now);
  bool is_settled(const Slot& slot, Instant now) const;
  void report_left(const NodeId& visitor);
  void drop(ConnId conn, LinkEnd how, Instant now);
  void stop_probing(const NodeId& met, Instant now);
  void begin_probing(Slot& slot, const NodeId& lost, LinkEnd how, Instant now);
  void probe_ended(Slot& slot, LinkEnd how, Instant now);
  // Reports the processes that are known to have ended.
  void report_gone(NodeId peer);
  bool announce(Slot& slot, const peer::Session& session, Instant now);
  void retire_older(ConnId conn, const NodeId& peer, Instant now);
  void write_out(ConnId conn, Stream& stream);
  bool proves(ConnId conn, const NodeId& said) const;
  std::string failure_of(ConnId conn, Stream& stream) const;

  std::map<size_t, Slot> slots_;  // numbered as they were made
  size_t next_slot_ = 0;
  Ports& ports_;
  Listener& listener_;
  std::map<ConnId, Stream> streams_;
  std::optional<PeerName> name_;
  bool proves_ = false;  // streams show who is at their other end before anything is said
};

}  // namespace patronus
