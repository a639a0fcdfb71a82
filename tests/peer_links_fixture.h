// One node's links, with streams that end at the test.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/peer_links.h"
#include "tests/idle_ports.h"

namespace patronus::test {

inline constexpr ClusterId kCluster{{1, 2}};
inline constexpr ConnId kAccepted = 100;

inline PeerIdentity identity(const NodeId& id) {
  return {id, Incarnation{7}, kCluster, id + ":7443", id + ":8443", "0.1.0"};
}

class Links : private IdlePorts, private PeerLinks::Listener {
 public:
  explicit Links(const NodeId& self, std::vector<PeerAddress> peers = {},
                 std::optional<Address> name = std::nullopt)
      : self_(identity(self)),
        links_(std::move(peers), static_cast<Ports&>(*this), static_cast<PeerLinks::Listener&>(*this),
               std::move(name)) {}

  PeerLinks& operator*() { return links_; }
  PeerLinks* operator->() { return &links_; }

  std::map<ConnId, NodeId> proven;  // what the streams' certificates prove
  std::map<ConnId, std::string> output;
  std::vector<ConnId> closed;
  std::vector<std::string> lines;
  std::vector<NodeId> up;
  std::vector<NodeId> messages_from;
  std::vector<std::pair<NodeId, bool>> gone;  // and whether on purpose
  ConnId last_dialled = 0;
  std::vector<std::string> dialled;
  std::vector<std::string> visits;  // +id and -id
  std::vector<NodeId> lost;
  size_t look_ups = 0;

 private:
  void dial(ConnId conn, const std::string& address) override {
    last_dialled = conn;
    dialled.push_back(address);
  }
  void look_up(const Address&) override { ++look_ups; }
  size_t write(ConnId conn, std::string&& bytes) override {
    output[conn] += bytes;
    return bytes.size();
  }
  void close(ConnId conn) override { closed.push_back(conn); }
  std::optional<NodeId> proven_identity(ConnId conn) const override {
    const auto at = proven.find(conn);
    return at == proven.end() ? std::nullopt : std::optional(at->second);
  }
  void log(const Notice& notice) override { lines.push_back(notice.text); }

  PeerIdentity own_identity() const override { return self_; }
  bool may_send_to(const PeerIdentity&, const Message&) const override { return true; }
  ConnId new_conn(Door) override { return next_conn_++; }
  void on_link_up(const PeerIdentity& peer) override { up.push_back(peer.id); }
  void on_link_lost(const NodeId& peer, LinkEnd) override { lost.push_back(peer); }
  void on_peer_gone(const NodeId& peer, bool on_purpose) override { gone.emplace_back(peer, on_purpose); }
  void on_visitor(const PeerIdentity& visitor) override { visits.push_back("+" + visitor.id); }
  void on_successor(const PeerIdentity& peer) override { visits.push_back("!" + peer.id); }
  void on_visitor_left(const NodeId& visitor) override { visits.push_back("-" + visitor); }
  void on_peer_message(const PeerIdentity& from, Message&&) override { messages_from.push_back(from.id); }

  PeerIdentity self_;
  ConnId next_conn_ = 1;
  PeerLinks links_;
};

}  // namespace patronus::test
