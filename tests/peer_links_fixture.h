// One node's links, with streams that end at the test.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/peer_links.h"

namespace patronus::test {

inline constexpr ClusterId kCluster{{1, 2}};
inline constexpr ConnId kAccepted = 100;

inline PeerIdentity identity(const NodeId& id) {
  return {id, Incarnation{7}, kCluster, id + ":7443", id + ":8443", "0.1.0"};
}

class Links : private Ports, private PeerLinks::Listener {
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
  Now now() override { return {}; }
  void dial(ConnId conn, const std::string& address) override {
    last_dialled = conn;
    dialled.push_back(address);
  }
  void look_up(const Address&) override { ++look_ups; }
  void stop_listening(Door) override {}
  bool hash_password(auth::PasswordJob&&) override { return false; }
  void drained() override {}
  size_t write(ConnId conn, std::string&& bytes) override {
    output[conn] += bytes;
    return bytes.size();
  }
  size_t backlog(ConnId) const override { return 0; }
  void close(ConnId conn) override { closed.push_back(conn); }
  void pause_reading(ConnId, bool) override {}
  std::optional<NodeId> proven_identity(ConnId conn) const override {
    const auto at = proven.find(conn);
    return at == proven.end() ? std::nullopt : std::optional(at->second);
  }
  void write_log(wal::Write&&) override {}
  void cut_log(uint64_t) override {}
  void checkpoint(Checkpoint&&) override {}
  void project(Project&&) override {}
  void make_artefact() override {}
  void read_part(SendPart&&) override {}
  void keep_part(ArtefactPart&&) override {}
  void install_artefact(const Artefact&) override {}
  void set_aside(const std::string&, const ClusterId&) override {}
  void found_anew(const ClusterId&) override {}
  void make_snapshot(uint64_t) override {}
  bool query_snapshots(SnapshotQuery&&) override { return false; }
  void wake_at(Instant) override {}
  void log(const Notice& notice) override { lines.push_back(notice.text); }
  void stop(const std::string&) override {}

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
