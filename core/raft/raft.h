// Consensus after "In Search of an Understandable Consensus Algorithm (extended version)" (the paper) and
// Ongaro's dissertation (the thesis). This class holds the state and passes what happens to the room that
// deals with it: election.cpp, replication.cpp, reads.cpp, founding.cpp, cutting.cpp, lives.cpp,
// invariants.cpp.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/base/time.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/raft/contender.h"
#include "core/raft/freshness.h"
#include "core/raft/leader_clock.h"
#include "core/raft/log.h"
#include "core/raft/log_room.h"
#include "core/raft/membership.h"
#include "core/raft/progress.h"
#include "core/raft/reads.h"

namespace patronus {

struct Follower {
  NodeId leader;  // empty: none known in this term
};
struct Candidate {
  bool pre_vote = true;
  uint32_t attempt = 0;  // how often in a row without a leader; widens the window of the next one
  LeaderCause cause = LeaderCause::kStart;
  std::set<NodeId> granted;
  std::map<NodeId, int64_t> wall_offsets_ms;  // of those who granted, by which a leader knows its own clock
};
// A leadership on its way to another member: nothing is proposed meanwhile.
struct Transfer {
  NodeId target;
  LeaderCause cause = LeaderCause::kTransfer;
  Instant deadline;   // then it is given up
  bool told = false;  // the target has everything and was told to ask for votes
};
// A member that a configuration has taken out: it is sent the log a while longer, so that it hears that the
// configuration is committed.
struct Departing {
  Incarnation incarnation;
  Instant until;
};
struct Leader {
  std::map<NodeId, Progress> peers;  // all members but itself, and those that depart
  std::map<NodeId, Departing> departing;
  bool retires = false;  // it is no member any more, and has tried to hand over
  LeaderClock clock;
  Index first_index;  // of this term: nothing commits by counting before it (paper, 5.4.2)
  Instant next_tick;
  Instant since;
  size_t uncommitted_bytes = 0;
  ReadRounds reads;
  ClockEcho own_clock;
  std::optional<Transfer> transfer;
};
using Role = std::variant<Follower, Candidate, Leader>;

// kHandingOver: the next leader will take it.
enum class Proposed : uint8_t { kAccepted, kNotLeader, kBusy, kFull, kHandingOver };

struct RaftCounters {
  uint64_t heartbeats_sent = 0;
  uint64_t heartbeats_received = 0;
  uint64_t replications = 0;  // batches of entries acknowledged to, or by, this node
  uint64_t elections_started = 0;
};

class Raft {
 public:
  Raft(const Boot& boot, Now now);

  // Counts the boot and makes the count durable; nothing is sent before.
  void start(Now now, Effects& out);
  // Runs what is due.
  void tick(Now now, Effects& out);
  Instant deadline() const;

  // A message of a peer. What does not belong to this cluster, or comes from a stranger, is dropped.
  void receive(Now now, const NodeId& from, Incarnation incarnation, Message&& message, Effects& out);
  // A link to the peer came up: what was sent before may be lost.
  void link_up(Now now, const NodeId& peer, Effects& out);
  void persisted(Now now, PersistId id, Effects& out);
  // The peer's process is known to have ended: its streams did, and its machine refuses a new one. A hint
  // that saves waiting for the election timeout; terms and votes keep elections safe whatever it says. A link
  // to the peer, or a message from it, takes it back (link_loss.cpp).
  void peer_gone(Now now, const NodeId& peer, bool on_purpose, Effects& out);

  // Leader only: hands leadership to the member, or if none is named to the one best suited (thesis, section
  // 3.10). False if there is none that could take it. Until it is done or given up, nothing is proposed.
  [[nodiscard]] bool transfer(Now now, const NodeId& target, LeaderCause cause, Effects& out);
  bool is_handing_over() const;
  // Leader only: what keeps the member, or if none is named everyone, from taking over; nothing if transfer()
  // would begin.
  [[nodiscard]] std::optional<TransferFailure> transfer_obstacle(Now now, const NodeId& target) const;
  // Said to the leader at once and in answers to heartbeats, so that nobody makes this node leader; by itself
  // it asks for votes only when nobody else has taken over for three election timeouts.
  void set_draining(Now now, bool draining, Effects& out);
  // What a write to this node's log takes of late; 0: not known.
  void set_write_pace(Duration pace) { write_pace_ = pace; }
  // How much may still be written to this node's log, whose disk is full; nothing: no such lack is known.
  void set_log_room(std::optional<size_t> left) { room_left_ = left; }
  LogRoom room() const { return log_room(room_left_, reserve_); }
  // Leader only: who could take over at once, and since when this node leads.
  std::vector<Contender> contenders(Now now) const;
  Instant led_since() const;
  // Leader only: some other voter may yet take over.
  bool has_successor() const;

  [[nodiscard]] Proposed propose(Now now, EntryKind kind, Blob payload, Effects& out);
  // The first entry of a new cluster, on a node that has nothing (founding.cpp).
  void found(Now now, const Configuration& configuration, Effects& out);

  // Right after start(), where the majority is lost for good: all that is in this node's log is taken for
  // committed, and goes on as another cluster, whose only member is this node.
  void found_anew(Now now, const ClusterId& cluster, const Member& self, Effects& out);

  // Leader only (reconfigure.cpp): makes `next`, which is a lawful step, the configuration. False if this is
  // not the time: before an entry of the own term is committed (Ongaro, raft-dev, 2015), while the latest
  // configuration is not, and while leadership is handed over.
  [[nodiscard]] bool change_configuration(Now now, const Configuration& next, Effects& out);
  bool may_change_configuration() const;
  // Leader only: the others as it sees them.
  std::map<NodeId, MemberHealth> member_health(Now now) const;
  // Leader only: members that are heard and lack what this log no longer has, so that entries can't help
  // them.
  std::vector<NodeId> in_need_of_state(Now now) const;
  // Leader only: the member lacks no more than a few entries of the log, which begins after `base`; or it is
  // none.
  bool goes_on_after(const NodeId& member, Index base) const;
  // Entries after this one are not cut while there is room for them; nothing: no such wish.
  void hold_log_after(std::optional<Index> index) { held_after_ = index; }
  // This data directory was a member and a committed configuration has taken it out.
  bool is_removed() const;
  // Leader only: it has to hear this node out although its configuration no longer has it.
  bool is_departing(const NodeId& id, Incarnation incarnation) const;
  // False for what must not reach this data directory: it is no member's, and the message asks for promises.
  bool may_send_to(const NodeId& id, Incarnation incarnation, const Message& message) const;

  // Leader only: the ticket comes back through take_ready_reads with an index that makes a read of the state
  // applied up to it linearizable; if leadership ends first it comes back in take_failed_reads.
  void request_read(Now now, ReadTicket ticket, Effects& out);
  std::vector<ReadReady> take_ready_reads();
  // Another life of this data directory begins, or the first, unless the present one is not confirmed yet
  // (lives.cpp).
  void begin_life(Effects& out);
  // Another member has this on its disk of the present life.
  void confirm_life(const DiskLife& known, Effects& out);
  // What is known of the other members' lives is to be known after a restart too.
  void keep_lives(std::vector<DiskLife> others, Effects& out);
  // Of this data directory, as it may be told: what is durable of it.
  const Lives& told_lives() const { return told_; }
  DiskLife own_life() const;
  // What is kept of another's; life 0: nothing.
  DiskLife kept_life(Incarnation of) const;
  // As the last heartbeat had them.
  const std::vector<MemberView>& told_members() const { return told_members_; }
  // What this data directory has acknowledged counts no more: its disk went back in time.
  void distrust(const NodeId& id, Incarnation incarnation);
  // Leader only: data directories that lack on their disk what they had acknowledged to this leader.
  std::vector<Incarnation> take_went_back() { return std::exchange(went_back_, {}); }
  std::vector<ReadTicket> take_failed_reads();

  void set_applied(Index applied) {
    applied_ = applied;
    freshness_.applied(applied);
  }
  // Cuts the log behind what a durable image of the state holds, a bounded number of entries at a time
  // (cutting.cpp). True if something was cut.
  [[nodiscard]] bool cut_log(Index checkpointed);
  // This node's cluster was given up: until a leader is heard after all it neither asks for votes nor gives
  // any.
  void abstain() { abstains_ = true; }
  // Queues a message to a peer behind everything it must not overtake.
  void send(const NodeId& to, MessageBody body, PersistId after, Effects& out);

  Term term() const { return hard_.term; }
  const HardState& hard_state() const { return hard_; }
  const Role& role() const { return role_; }
  bool is_leader() const { return std::holds_alternative<Leader>(role_); }
  // The leader of this term if it is known, else empty.
  const NodeId& leader() const;
  Index commit() const { return commit_; }
  // What may be applied: committed, and on disk here.
  Index applicable() const { return std::min(commit_, log_.durable()); }
  const Log& log() const { return log_; }
  const NodeId& self() const { return self_; }
  Incarnation incarnation() const { return incarnation_; }
  bool is_voter() const;
  // Whether a log that ends so is as new as this one's, as far as a vote is concerned. To a learner, by its
  // own log, every log is: nothing was ever committed by its acknowledgement, but by a majority without it,
  // whose voters do compare. Whoever asks it counts it as a voter by now, and nobody else may have what it
  // has, so that its refusal could keep the cluster without a leader for good.
  bool is_new_enough(Term last_term, Index last_index) const;
  // A voter, or one that its own log has taken out, as long as it does not know that to be committed: it may
  // be the only one that can bring this about (thesis, section 4.2.2).
  bool may_campaign() const;
  bool is_member(const NodeId& id, Incarnation incarnation) const;
  Duration election_timeout() const { return election_timeout_; }
  // When this node last had word of a leader; or leads.
  Instant last_leader_contact() const { return last_leader_contact_; }
  bool had_leader_contact() const { return had_leader_contact_; }
  // The members as the leader sees them, or last told.
  std::vector<MemberView> members(Now now) const;
  Index leader_commit() const { return leader_commit_; }
  // Everything committed before as_of() is applied here (freshness.h).
  const Freshness& freshness() const { return freshness_; }
  // The cluster's clocks, as an entry proposed now would be stamped; on a follower by the last word of the
  // leader and the time since.
  Stamp cluster_stamp(Now now) const;
  const RaftCounters& counters() const { return counters_; }

 private:
  friend class Invariants;

  // election.cpp
  void campaign(Now now, LeaderCause cause, Effects& out);
  // `handed_over`: the leader asked for it.
  void start_vote(Now now, bool pre_vote, LeaderCause cause, uint32_t attempt, Effects& out,
                  bool handed_over = false);
  void count_votes(Now now, Effects& out);
  Duration candidate_patience(LeaderCause cause, uint32_t attempt) const;
  void become_follower(Now now, Term term, const NodeId& leader, Effects& out);
  void become_leader(Now now, LeaderCause cause, Effects& out);
  bool leader_is_near(Now now) const;
  bool is_abstaining() const { return abstains_ && !had_leader_contact_; }
  void reset_election_deadline(Now now);
  Duration election_window() const;
  void on(Now now, const NodeId& from, Term term, const PreVoteRequest& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const PreVoteResponse& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const VoteRequest& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const VoteResponse& m, Effects& out);

  // replication.cpp
  void on(Now now, const NodeId& from, Term term, AppendRequest& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const AppendResponse& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const Heartbeat& m, Effects& out);
  void on(Now now, const NodeId& from, Term term, const HeartbeatResponse& m, Effects& out);
  // transfer.cpp
  void on(Now now, const NodeId& from, Term term, const TimeoutNow& m, Effects& out);
  void continue_transfer(Effects& out);
  // Leader only: a voter that is there and takes part, and one that lacks too much of the log.
  bool may_lead(Now now, const NodeId& id, const Progress& progress) const;
  bool lags(const Progress& progress) const;
  HeartbeatResponse heartbeat_response(Now now, Round round) const;
  std::span<const Entry> what_there_is_room_for(std::span<const Entry> entries) const;
  bool a_majority_has_room() const;
  void take_entries(const NodeId& from, AppendRequest& m, Effects& out);
  void append_from_leader(std::span<const Entry> entries, Effects& out);
  void refuse_append(const NodeId& from, const AppendRequest& m, Effects& out);
  void append_own(Now now, EntryKind kind, Blob payload, Effects& out);
  void replicate(Now now, const NodeId& peer, Progress& progress, Effects& out);
  void replicate_all(Now now, Effects& out);
  void send_append(Now now, const NodeId& peer, Progress& progress, std::vector<Entry> entries, Effects& out);
  void lead(Now now, Effects& out);
  void send_heartbeats(Now now, Effects& out);
  void send_heartbeat(Now now, const NodeId& peer, const Progress& progress, Effects& out);
  void maybe_commit(Now now, Effects& out);
  void advance_commit(Index to);
  bool hears_a_majority(Now now) const;
  Stamp stamp(Now now) const;
  bool wall_is_in_line() const;

  // reconfigure.cpp
  void follow_configuration(Now now, const Configuration& before);
  void forget_departed(Now now);
  void retire(Now now, Effects& out);

  // reads.cpp
  void start_read_round(Now now, Effects& out);
  void finish_read_rounds(Now now, Effects& out);
  void confirm_clocks(Now now, Round confirmed, Effects& out);
  void fail_reads();

  // cutting.cpp
  Index acknowledged_by_all() const;
  bool may_cut(Index first, Index checkpointed, Index acknowledged) const;

  // Adopts a term or a cluster, and makes it durable.
  void persist_hard(Effects& out);
  // As persist_hard(), but what is sent does not wait for it.
  PersistId persist_aside(Effects& out);
  bool accepts(const NodeId& from, Incarnation incarnation, const Message& message, Effects& out);
  void handle_lower_term(const NodeId& from, const Message& message, Effects& out);

  NodeId self_;
  Incarnation incarnation_;
  ClusterId lost_cluster_;
  Duration election_timeout_;
  Duration heartbeat_interval_;
  std::optional<Duration> paper_elections_;
  Random random_;

  HardState hard_;
  Log log_;
  size_t persist_bytes_max_;
  LogRetention retention_;
  std::optional<Index> held_after_;
  Role role_ = Follower{};
  // Under which incarnation who has this term's vote asked for it; none after a restart. An id alone is not
  // one voter: behind it may come another disk.
  Incarnation voted_incarnation_;
  Incarnation speaker_;  // whose message is dealt with
  Index commit_;
  Index applied_;
  PersistId last_persist_;
  PersistId hard_write_;  // the last write that holds the hard state; all messages wait for it

  Instant election_deadline_;
  Instant last_leader_contact_;
  bool had_leader_contact_ = false;  // since this boot
  Index leader_commit_;
  std::vector<MemberView> told_members_;
  Index told_commit_;  // of the leader, when it told that
  // What this process has seen to be the same as in the log of its leader, and of which term's.
  Index matched_;
  Term matched_in_;
  std::map<NodeId, LeaderCause> gone_;  // peers whose process has ended, and how
  Freshness freshness_;
  Stamp told_stamp_;  // of the leader, when it was last heard, or of this node when it last led
  Instant told_at_;
  bool abstains_ = false;
  bool draining_ = false;
  uint8_t priority_ = 0;
  Duration write_pace_{};
  LogReserve reserve_;
  uint64_t process_;
  Lives told_;
  PersistId life_write_;  // the one that makes the present life durable
  std::optional<size_t> room_left_;
  std::vector<Incarnation> went_back_;
  std::vector<ReadReady> ready_reads_;
  std::vector<ReadTicket> failed_reads_;
  RaftCounters counters_;
};

}  // namespace patronus
