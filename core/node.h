// The whole of a node that decides: events in, effects out. No clock, no randomness of its own, no thread, no
// socket, no file; production and simulator run it under the same driver.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/artefact_fetch.h"
#include "core/artefact_offers.h"
#include "core/checkpointer.h"
#include "core/disk_lives.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/founding.h"
#include "core/handover_policy.h"
#include "core/health/disk_pace.h"
#include "core/health/health.h"
#include "core/projector.h"
#include "core/raft/invariants.h"
#include "core/raft/raft.h"
#include "core/requests/pending_reads.h"
#include "core/requests/pending_transfers.h"
#include "core/requests/pending_writes.h"
#include "core/requests/session_keeper.h"
#include "core/requests/staging_keeper.h"
#include "core/state/store.h"
#include "core/visitors.h"

namespace patronus {

struct NodeView {
  NodeId id;
  std::string address;
  std::string role;  // leader, follower, candidate; stranger: not a member under its data directory; expected
  bool voter = false;
  std::string standing;  // voter, learner, joining, leaving; expected: wanted and not a member yet
  bool healthy = false;
  int64_t last_contact_ms = -1;  // as the leader counts it; -1: not known
  Index applied;
  uint64_t lag_entries = 0;
  std::string version;
  bool draining = false;
  LogRoom room = LogRoom::kUnknown;
};

// What status pages, metrics and health show, all as of one moment.
struct Status {
  NodeId id;
  ClusterId cluster_id;
  NodeId leader;  // empty: none known
  std::string leader_address;
  std::string role;
  Term term;
  Index commit;
  Index applied;
  Index last_index;
  size_t quorum = 0;
  size_t failure_tolerance = 0;
  std::vector<NodeView> nodes;
  size_t nodes_healthy = 0;
  bool ready = false;
  bool draining = false;
  std::vector<ComponentView> components;
  std::string waits_for;  // of a node that belongs to no cluster yet
  size_t state_bytes = 0;
  size_t state_keys = 0;
  size_t sessions = 0;
  size_t log_bytes = 0;
  LogRoom room = LogRoom::kUnknown;
  Index log_first;                                 // of the entries that are kept
  Index image_applied;                             // what the durable image holds
  std::optional<Index> database_applied;           // what the dashboard's database does, if there is one
  protocol::Version protocol = protocol::kOldest;  // of the cluster
  uint64_t elections_total = 0;
  uint64_t failovers_total = 0;
  RaftCounters counters;
};

struct PeerTarget {
  NodeId id;
  std::string address;
};

class Node {
 public:
  Node(Boot boot, std::string version, Now now);

  // Once, before the first step.
  void start(Now now, Effects& out);
  // Runs what is due, then the event. Effects are added to `out`, in the order in which they must happen.
  void step(Now now, Event&& event, Effects& out);
  // When step() wants to be called with Wake at the latest.
  Instant deadline() const;

  // A component's health, as the shell sees it.
  void report_health(std::string_view component, bool ok, std::string_view reason, Now now);

  // A write to the log began; a WriteDone says how long it took.
  void log_write_began(Now now) { disk_pace_.began(now.mono); }

  // Whatever is applied shall be in the image soon; and what is, durably.
  void hurry_checkpoint() { checkpointer_.hurry(); }
  Index image_applied() const { return checkpointer_.durable(); }
  // The dashboard's database holds all that it is to hold.
  bool database_is_current() const { return projector_.is_current(store_); }

  // As Raft::set_log_room; said before a step.
  void set_log_room(std::optional<size_t> left) { raft_.set_log_room(left); }

  // What this node says of itself when it meets a peer.
  PeerIdentity identity() const;
  // False if messages to this peer must not be sent: it is not the member it says it is.
  bool may_send_to(const PeerIdentity& peer, const Message& message) const {
    return raft_.may_send_to(peer.id, peer.incarnation, message);
  }

  // Whom this node has to reach besides those it was configured with: members, nodes that are wanted, and
  // those that must be told that they are not. At most kPeerTargetsMax.
  std::vector<PeerTarget> peer_targets() const;
  // Changes when the targets may have changed.
  struct TargetsVersion {
    Index configuration;
    Term term;
    uint64_t members = 0;
    uint64_t visitors = 0;
    friend bool operator==(const TargetsVersion&, const TargetsVersion&) = default;
  };
  TargetsVersion targets_version() const;

  // A request was made in this session; a session that is used does not idle out.
  void touch_session(std::string_view id, Now now);
  // False if this node's knowledge is older than two election timeouts: it can't say whether a session still
  // stands, nor whether a user may do something.
  bool vouches(Now now) const;
  // The cluster's clocks, by which sessions and tokens live.
  Stamp cluster_stamp(Now now) const { return raft_.cluster_stamp(now); }

  // The highest version of the protocol that every member speaks, as far as this node knows: of whom it has
  // not met since it started it takes the lowest.
  protocol::Version cluster_protocol() const;

  // It leads, and knows what is committed and since when.
  bool knows_as_leader() const;

  // It may propose verdicts (VerdictsOp): it leads, there are tables, and every member knows what they are.
  bool may_give_verdicts() const;

  // The cluster is about to take this node out.
  bool is_leaving() const;

  // What an operator must know who has lost the majority for good. The log's end is the last entry that this
  // node can save; what it knows to be committed may be more than it has.
  struct Remains {
    ClusterId cluster_id;
    Term last_term;
    Index last_index;
    Index committed;
    size_t voters = 0;
    bool is_voter = false;
    bool is_settled = false;  // all that this node has of the log is on its disk
    bool is_lost = false;     // no leader for longer than any election takes
    Duration silence{};       // since a leader was heard, or since this node started
  };
  Remains remains(Now now) const;

  // True once a node that drains has done what it can for the cluster: it does not lead, or nobody else can.
  bool may_leave(Now now) const;

  // Requests of this node's clients that it has not answered yet.
  size_t unanswered() const { return writes_->size() + reads_.size() + transfers_.size(); }

  Status status(Now now) const;
  // Of what status() makes whether the node is ready.
  std::vector<ComponentView> components(Now now) const;
  const Raft& raft() const { return raft_; }
  const Store& store() const { return store_; }

 private:
  void handle(Now now, LinkUp& event, Effects& out);
  void handle(Now now, LinkLost& event, Effects& out);
  void handle(Now now, PeerGone& event, Effects& out);
  void handle(Now now, VisitorCame& event, Effects& out);
  void handle(Now now, VisitorLeft& event, Effects& out);
  void handle(Now now, PeersSought& event, Effects& out);
  void handle(Now now, ClusterGivenUp& event, Effects& out);
  void handle(Now now, PeerMessage& event, Effects& out);
  void handle(Now now, WriteDone& event, Effects& out);
  void handle(Now now, CheckpointTaken& event, Effects& out);
  void handle(Now now, Projected& event, Effects& out);
  void handle(Now now, DatabaseReport& event, Effects& out);
  void handle(Now now, ArtefactMade& event, Effects& out);
  void handle(Now now, ImageDamaged& event, Effects& out);
  void handle(Now now, PartKept& event, Effects& out);
  void handle(Now now, ClientWrite& event, Effects& out);
  void handle(Now now, ClientRead& event, Effects& out);
  void handle(Now now, ClientTransfer& event, Effects& out);
  void handle(Now now, Drain& event, Effects& out);
  void handle(Now, Wake&, Effects&) {}

  void on_forwarded(Now now, const PeerMessage& event, const ForwardWrites& writes, Effects& out);
  void on_refused(const WritesRefused& refused, Effects& out);
  // Puts a write into this leader's log, or says why not.
  std::optional<Refusal> propose(Now now, const Blob& command, bool& handing_over, Effects& out);
  void on_read_request(Now now, const NodeId& from, const ReadIndexRequest& request, Effects& out);

  void note_protocol(const PeerIdentity& peer);

  // node_disks.cpp
  // True if the message is of a node whose disk went back, and so counts for nothing.
  bool is_of_an_old_disk(Now now, const NodeId& from, Incarnation incarnation, Effects& out);
  void note_life(const PeerIdentity& peer, bool dialled, Effects& out);
  void note_old_disks(Now now, Effects& out);
  void hear_lives(const PeerMessage& event, const DiskLife& own, const DiskLife& known, Effects& out);
  void hear_lives(const PeerMessage& leader, Effects& out);
  void keep_lives(Now now, Effects& out);
  void on_disk_went_back(const PeerMessage& event, Effects& out);

  // node_artefacts.cpp
  void keep_artefacts(Now now, Effects& out);
  void give_state(Now now, Effects& out);
  void fetch_state(Now now, Effects& out);
  void on_offer(Now now, const PeerMessage& event, const OfferArtefact& offer, Effects& out);
  void on_fetch_part(Now now, const PeerMessage& event, const FetchPart& fetch, Effects& out);
  void on_part(Now now, const PeerMessage& event, ArtefactPart&& part, Effects& out);

  // node_members.cpp
  void keep_members(Now now, Effects& out);
  void look_at_visitors(Now now, Effects& out);
  bool may_come_in(const PeerIdentity& visitor) const;
  bool is_too_old(const PeerIdentity& visitor) const;
  // A member is to be reached elsewhere than the state says.
  bool has_moved(const PeerIdentity& member, bool is_missed) const;
  void tell_addresses(Now now, const PeerIdentity& member, bool is_missed, Effects& out);
  void let_in(Visitors::Visitor& visitor, Now now, Effects& out);
  bool is_stranger(const PeerIdentity& visitor) const;
  void change_members(Now now, Effects& out);
  bool members_are_those_wanted() const;
  membership::View membership_view(Now now) const;
  // Why a leader does not even propose what the command wants of the membership.
  std::optional<Refusal> membership_obstacle(Now now, const Blob& command) const;
  std::optional<Refusal> obstacle_to_losing(Now now,
                                            const std::function<bool(const membership::View&)>& may) const;
  // As the leader told last: the others serve without this node, which still counts as a voter.
  bool others_serve(Now now) const;
  void on_not_member(const PeerMessage& event, const NotMember& said, Effects& out);
  void drain_if_leaving(Now now, Effects& out);
  void leave_if_removed(Effects& out);
  // node_disks.cpp
  void begin_anew_if_told(Now now, Effects& out);

  // What follows from any step: a new leader is told what is pending, what is committed is applied, what is
  // answered is answered.
  void settle(Now now, Effects& out);
  void follow_leader(Now now, Effects& out);
  // handover.cpp. A leader that drains hands over, and tries again when that came to nothing.
  void hand_over(Now now, Effects& out);
  // A leader that another one should replace, though nobody asks, hands over.
  void review_leadership(Now now, Effects& out);
  // A follower whose leader fell silent still knows its name; past the election timeout it is nobody's
  // leader.
  NodeId heard_leader(Now now) const;
  void pursue_transfers(Now now, Effects& out);
  void begin_transfer(Now now, const NodeId& from, const TransferRequest& request, Effects& out);
  void on_transfer_request(Now now, const PeerMessage& event, const TransferRequest& request, Effects& out);
  void on_transfer_refused(Now now, const TransferRefused& refused, Effects& out);
  void answer_transfer(Now now, const PendingTransfer& transfer, std::optional<TransferFailure> failure,
                       Effects& out);
  [[nodiscard]] std::optional<Refusal> send_write(Now now, PendingWrite& write, Effects& out);
  void ask_for_index(Now now, Effects& out);
  void apply_committed(Now now, Effects& out);
  // Writes what was applied to the image, and cuts the log behind it.
  void keep_image(Now now, Effects& out);
  // node_database.cpp
  void trust_database(Now now);
  void keep_database(Now now, Effects& out);
  void leave_lead_to_a_sound_database(Now now, Effects& out);
  void keep_sessions(Now now, Effects& out);
  void keep_staging(Now now, Effects& out);
  void keep_tables(Now now, Effects& out);
  void note_restored(Index at, Effects& out) const;
  void serve_reads(Now now, Effects& out);
  void expire(Now now, Effects& out);
  void retry_lost(Now now, Effects& out);
  ReadResult answer(const Query& query) const;
  void refuse_write(RequestId request, Outcome outcome, bool maybe_applied, Effects& out);
  void fill_nodes(Now now, Status& status) const;

  Boot boot_;
  std::string version_;
  Random random_;
  Raft raft_;
  Invariants invariants_;
  Store store_;
  Checkpointer checkpointer_;
  Projector projector_;
  bool database_lags_ = false;       // and was neither filled nor damaged since
  bool database_is_broken_ = false;  // and has not been filled since
  bool left_for_database_ = false;   // leadership, since it broke
  uint32_t database_to_prove_ = 0;   // reports of a sound one, before it is trusted again
  Founding founding_;
  Health health_;
  std::map<NodeId, PeerIdentity> links_;  // peers this node can send to
  std::map<NodeId, Instant> linked_since_;
  std::map<Incarnation, protocol::Version> protocols_;  // of members, as they said when they were met
  std::optional<PendingWrites> writes_;
  PendingReads reads_;
  PendingTransfers transfers_;
  SessionKeeper sessions_;
  StagingKeeper staging_keeper_;
  Instant next_opening_;  // tables are not asked for again before
  NodeId known_leader_;   // to which pending requests were last sent
  Term known_term_;
  Instant next_retry_;
  DiskPace disk_pace_;
  HandOverPolicy hand_over_policy_;
  Instant next_review_;
  DiskLives disk_lives_;
  uint64_t kept_lives_ = 0;  // the version of what this node's own disk has
  Index kept_for_;           // the configuration whose members that is of
  Instant next_life_;
  bool sets_aside_ = false;
  ArtefactOffers offers_;
  ArtefactFetch fetch_;
  Visitors visitors_;
  Index last_member_op_;     // that this node has put into the log
  Instant next_retirement_;  // a leader that is to be taken out does not try to hand over before
  bool told_removed_ = false;
  bool told_given_up_ = false;
  Index image_from_;            // before it the image is of the cluster that this one goes on from
  Instant next_own_addresses_;  // they are said again
  std::map<NodeId, Instant> leaving_since_;  // of whoever is to leave, as this node learnt it
  bool draining_ = false;
  bool handing_over_ = false;  // as it was at the end of the last step
  Instant next_hand_over_;
  Instant leave_by_ = Instant::never();
  NodeId last_applied_leader_;
  Term last_applied_leader_term_;
  uint64_t failovers_ = 0;
};

}  // namespace patronus
