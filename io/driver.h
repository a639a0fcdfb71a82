// The shell around the core, written once: production and simulator instantiate it with ports of their own.
// It holds gated effects until their write is on disk, batches writes, speaks the protocols over streams, and
// turns time into wake-ups. Single-threaded; the owner calls flush() after each burst of calls.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/node.h"
#include "core/wal/format.h"
#include "core/wal/segment_index.h"
#include "io/gate.h"
#include "io/http_server.h"
#include "io/metrics/metrics.h"
#include "io/peer_links.h"
#include "io/ports.h"

namespace patronus {

struct DriverOptions {
  Boot boot;
  std::string version;
  std::vector<PeerAddress> peers;
  std::optional<Address> peers_name;  // instead of them
  wal::Position log_position;
  std::vector<wal::SegmentInfo> log_segments;
  size_t segment_bytes = limits::kWalSegmentBytes;
  Duration request_timeout{};
  bool advertises_https = false;  // boot.api_address speaks HTTPS
  api::AccountSettings accounts;
  std::unique_ptr<auth::Crypto> crypto;
};

class Driver final : private PeerLinks::Listener, private HttpServer::Listener {
 public:
  Driver(DriverOptions options, Ports& ports);
  ~Driver() override = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void start();

  // A stream came in; 0 if it is refused.
  ConnId accepted(Door door, const Remote& remote);
  void dialled(ConnId conn);
  // What the name of the nodes leads to.
  void looked_up(NameAnswer&& answer);
  void received(ConnId conn, std::string_view bytes);
  // The other end sends no more; it may still read.
  void end_of_input(ConnId conn);
  // The stream is gone, or could not be opened.
  void ended(ConnId conn, LinkEnd how);
  void written(ConnId conn, size_t bytes);
  void password_done(auth::PasswordDone&& done);
  // The write given last is on disk; it took this long.
  void log_written(Duration took);
  // There is no next segment of the log, for want of room on the disk; or there is one again.
  void log_is_full(bool full);
  // The piece of a checkpoint given last was taken.
  void checkpoint_taken();
  // The checkpoint under way waits for room on the disk; a node that leaves does not wait for that.
  void checkpoint_waits() { checkpoint_waits_ = true; }
  // The piece for the dashboard's database given last was taken.
  void projected(const Projected& done);
  void database_report(DatabaseReport&& report);
  void artefact_made(ArtefactMade&& made);
  // A copy of the image shows that it is not what was written to it.
  void image_damaged(std::string&& reason);
  // What was read; nothing if there is no such artefact.
  void part_read(const SendPart& wanted, std::string&& bytes);
  void part_kept(PartKept&& kept);
  void snapshot_answered(SnapshotAnswer&& answer);
  void wake();
  // Hands on what the calls since the last flush produced.
  void flush();

  // Begins to leave: unready at once, leadership handed over, then, once the balancers had `grace` to notice,
  // no more requests are taken; when those under way are answered the peers are told and Ports::drained() is
  // called.
  void drain(Duration grace);
  // What an operator drains stays in service and can be taken in again. False: it is leaving, see drain().
  bool drain_for_operator(bool on, const std::string& by) override;

  // The list of revoked certificates that /pki/ca.crl answers with, in DER form; without one that is a 404.
  void publish_revocations(std::string list) { http_.publish_revocations(std::move(list)); }

  // There is a database, which may be copied off site.
  void expect_backup() { http_.expect_backup(); }
  // What the process that copies this node's database off site says.
  void set_backup(backup::Report&& report) { http_.set_backup(std::move(report)); }

  // Figures of the process, for its metrics; the owner refreshes them.
  void set_process_figures(const ProcessFigures& figures) { process_ = figures; }

  // The SD-WAN engine turns; `remark` is for people, mostly empty. To be said at least every
  // kEngineSilenceMax where the node was booted with Boot::probes.
  void engine_turned(std::string_view remark);
  // What it counts, for metrics; and what it has measured, for routes, which must outlive this.
  void set_probe_figures(const sdwan::Figures& figures) { metrics_.probes = figures; }
  void use_samples(const sdwan::Samples& samples) { http_.use_samples(samples); }

  // What is kept in memory for somebody who waits; once nobody does there is nothing.
  struct Kept {
    size_t requests = 0;  // the core's
    size_t http_requests = 0;
    size_t http_bytes = 0;
    size_t effects = 0;  // until the log's write is done
  };
  Kept kept() const {
    return {node_.unanswered(), http_.unanswered(), http_.held_bytes(), gate_.held() + to_write_.size()};
  }

  const Node& node() const { return node_; }
  const Metrics& metrics() const { return metrics_; }
  bool stopped() const { return stopped_; }
  // This node has stopped because the cluster has taken it out.
  bool removed() const { return removed_ && stopped_; }

  // An operator's write, whose answer nobody waits for.
  void submit(WriteOp&& op, Duration patience);

 private:
  // PeerLinks::Listener
  PeerIdentity own_identity() const override { return node_.identity(); }
  bool may_send_to(const PeerIdentity& peer, const Message& message) const override {
    return node_.may_send_to(peer, message);
  }
  ConnId new_conn(Door door) override;
  // Who is present counts together with whether all are known: so that somebody's address is settled may not
  // be heard before that it is there (flush() tells it), nor that it has left before that its address is open
  // again.
  void on_link_up(const PeerIdentity& peer) override {
    // What it said was said before it was asked, and the link is about to be given up.
    if (std::find(to_redial_.begin(), to_redial_.end(), peer.id) == to_redial_.end()) step(LinkUp{peer});
  }
  void on_link_lost(const NodeId& peer, LinkEnd how) override {
    follow_search();
    step(LinkLost{peer, how});
  }
  void on_peer_gone(const NodeId& peer, bool on_purpose) override { step(PeerGone{peer, on_purpose}); }
  void on_successor(const PeerIdentity& peer) override { step(ClusterGivenUp{peer.id, peer.cluster_id}); }
  void on_visitor(const PeerIdentity& visitor) override { step(VisitorCame{visitor}); }
  void on_visitor_left(const NodeId& visitor) override { step(VisitorLeft{visitor}); }
  void on_peer_message(const PeerIdentity& from, Message&& message) override {
    step(PeerMessage{from.id, from.incarnation, std::move(message)});
  }
  // HttpServer::Listener
  void on_core_request(api::CoreRequest&& request) override;
  Status node_status() const override { return node_.status(now_); }
  void touch_session(const std::string& id) override { node_.touch_session(id, now_); }
  bool hash_password(auth::PasswordJob&& job) override { return ports_.hash_password(std::move(job)); }
  bool make_snapshot(uint64_t ticket) override;
  bool query_snapshots(SnapshotQuery&& query) override { return ports_.query_snapshots(std::move(query)); }
  Node::Remains remains() const override { return node_.remains(now_); }
  void found_anew() override;
  NodeId leader_id() const override { return node_.raft().leader(); }
  Index applied_index() const override { return node_.store().applied(); }
  ProcessFigures process_figures() const override { return process_; }

  void step(Event&& event);
  void work_off();
  void perform(Effects&& effects);
  void perform(Effect&& effect);
  // Artefacts on their way; false for other effects.
  bool perform_artefact(Effect& effect);
  void pass(Gate::Gated&& effect);
  void write_log();
  std::optional<size_t> log_room() const;
  void pursue_snapshot();
  void check_log_health();
  void drain_if_leaving();
  void continue_drain();
  void leave_as_removed(std::string reason);
  void keep_signing_key();
  void follow_members();
  void follow_search();

  Ports& ports_;
  std::unique_ptr<auth::Crypto> crypto_;
  Now now_;
  Duration leave_grace_;
  Node node_;
  Metrics metrics_;
  PeerLinks links_;
  HttpServer http_;
  Gate gate_;
  wal::Encoder encoder_;
  wal::SegmentIndex segments_;
  size_t segment_bytes_;
  bool log_is_full_ = false;
  size_t batch_bytes_max_;  // a batch never spans segments
  struct WantedSnapshot {
    uint64_t ticket = 0;
    Index from;        // so much must be in the image
    Instant deadline;  // for that
    bool begun = false;
  };
  std::optional<WantedSnapshot> snapshot_;
  std::optional<ClusterId> founds_anew_;  // once what was answered before is on its way
  std::deque<Persist> to_write_;
  struct Writing {
    PersistId through;
    uint64_t segment = 0;
    bool new_segment = false;
    Index last_entry;
  };
  std::optional<Writing> writing_;
  Instant writing_since_;
  std::optional<Instant> checkpoint_since_;
  bool checkpoint_waits_ = false;
  bool checkpoint_ends_ = false;  // with the piece under way
  ConnId next_conn_ = 1;
  ProcessFigures process_;
  std::deque<Event> later_;  // what came up while effects are performed; at most one for each of them
  bool performing_ = false;
  bool boot_is_durable_ = false;  // other nodes are met only then: they remember the count of boots
  bool stopped_ = false;
  std::optional<std::string> removed_;  // what to say of it when it stops
  Node::TargetsVersion targets_;
  std::string sought_;  // as the node was told last
  std::vector<NodeId> to_redial_;
  Instant next_key_check_;
  bool told_setup_token_ = false;
  struct Draining {
    Instant door_shuts;  // no more requests
    Instant leave_by;    // whatever is still under way
    bool left = false;
    bool until_removed = false;  // the cluster takes it out; it does not leave before that is done
  };
  std::optional<Draining> draining_;
};

}  // namespace patronus
