#include "core/node.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/leader_record.h"
#include "core/state/command_layout.h"

namespace patronus {
namespace {

// An entry of another version of the program must not be taken for nothing: what it did would be lost here.
std::optional<std::string> unknown_version(const Entry& entry) {
  if (entry.kind != EntryKind::kCommand) return std::nullopt;
  const std::optional<uint8_t> version = unknown_command_version(entry.payload.view());
  if (!version) return std::nullopt;
  return "entry " + std::to_string(entry.index.value) + " of the log is a command of layout " +
         std::to_string(*version) +
         ", which this version of patronusd does not know; start the version that wrote it";
}

// The lowest protocol that knows all that this node has written.
protocol::Version held_protocol(const std::vector<Entry>& entries, const Store& store,
                                const HardState& hard) {
  protocol::Version held = hard.lives.life > 0 ? protocol::kDiskLives : protocol::kOldest;
  if (store.tables().schema() > 0) held = std::max(held, protocol::kTables);
  for (const Entry& entry : entries) {
    if (entry.kind == EntryKind::kCommand) held = std::max(held, protocol_of_command(entry.payload.view()));
  }
  return held;
}

}  // namespace

Node::Node(Boot boot, std::string version, Now now)
    : boot_(std::move(boot)),
      version_(std::move(version)),
      random_(boot_.seed ^ 0x6e6f6465),
      raft_(boot_, now),
      store_(std::move(boot_.state)),
      checkpointer_(boot_.pace, store_.applied()),
      projector_(std::min(boot_.pace.piece_rows, limits::kProjectionPieceRows)),
      founding_(boot_.founding_nodes, boot_.founding_by_name),
      next_retry_(Instant::never()),
      hand_over_policy_(boot_.leader_priority, boot_.election_timeout),
      disk_lives_(boot_.hard.lives.others),
      next_life_(now.mono + boot_.life_interval) {
  if (const History past = store_.history(); !past.changes.empty()) {
    last_applied_leader_ = past.changes.front().leader;
    last_applied_leader_term_ = past.changes.front().term;
  }
  if (boot_.state_refused) fetch_.give_up(now.mono + limits::kArtefactRefusedPause);
  health_.add({"wal", 1, 1, Duration::max()}, now);
  health_.add({"keys", 1, 1, Duration::max()}, now);
  if (boot_.probes) health_.add({"sdwan", 1, 1, limits::kEngineSilenceMax}, now);
  if (boot_.has_database) health_.add({"database", 1, 1, limits::kDatabaseSilenceMax}, now);
}

void Node::start(Now now, Effects& out) {
  raft_.start(now, out);
  // All members have known it before it was written; and to fall silent about lives would let an old copy
  // pass.
  const protocol::Version held = held_protocol(boot_.entries, store_, raft_.hard_state());
  if (boot_.protocol < held) {
    out.emplace_back(
        Notice{NoticeKind::kOperator, "protocol " + std::to_string(boot_.protocol) +
                                          " is wanted, but the log holds what came with protocol " +
                                          std::to_string(held) + ", which is spoken instead"});
    boot_.protocol = held;
  }
  // Log and state are others' from here on; a second copy would only take room.
  boot_.entries.clear();
  boot_.entries.shrink_to_fit();
  if (boot_.founds_anew && raft_.hard_state().cluster_id != *boot_.founds_anew) {
    raft_.found_anew(now, *boot_.founds_anew,
                     {boot_.id, boot_.incarnation, boot_.peer_address, boot_.api_address, Standing::kVoter},
                     out);
  }
  writes_.emplace(raft_.hard_state().boot);
  reads_.set_boot(raft_.hard_state().boot);
  transfers_.set_boot(raft_.hard_state().boot);
  health_.report("wal", true, "", now);
  health_.report("keys", true, "", now);
  settle(now, out);
}

void Node::step(Now now, Event&& event, Effects& out) {
  PATRONUS_ASSERT(writes_.has_value(), "a node is started before it is stepped");
  raft_.set_write_pace(disk_pace_.pace(now.mono));
  if (raft_.deadline() <= now.mono) raft_.tick(now, out);
  std::visit([&](auto& concrete) { handle(now, concrete, out); }, event);
  settle(now, out);
  invariants_.check(raft_);
}

Instant Node::deadline() const {
  // What is left to apply is due at once, after whatever else waits.
  if (store_.applied() < raft_.applicable()) return Instant{};
  const bool will_hand_over = draining_ && raft_.is_leader() && !raft_.is_handing_over();
  const Instant hand_over = will_hand_over ? next_hand_over_ : Instant::never();
  const bool has_lives = raft_.log().configuration() != nullptr && raft_.room() >= LogRoom::kUnknown;
  const Instant life = has_lives ? next_life_ : Instant::never();
  return std::min({raft_.deadline(), writes_->deadline(), reads_.deadline(), transfers_.deadline(),
                   next_retry_, hand_over, sessions_.deadline(), staging_keeper_.deadline(),
                   checkpointer_.deadline(), projector_.deadline(store_), visitors_.deadline(),
                   fetch_.deadline(), life});
}

void Node::handle(Now now, LinkUp& event, Effects& out) {
  const NodeId id = event.peer.id;
  note_life(event.peer, true, out);
  note_protocol(event.peer);
  founding_.link_up(event.peer);
  links_[id] = std::move(event.peer);
  linked_since_[id] = now.mono;
  const Configuration* configuration = raft_.log().configuration();
  if (configuration != nullptr && !raft_.is_member(id, links_[id].incarnation)) {
    out.emplace_back(Notice{
        NoticeKind::kStranger,
        "node " + id + " is not a member under its data directory " + to_hex(links_[id].incarnation.value)});
  }
  raft_.link_up(now, id, out);
  // What was sent over the link before may be lost; the leader hears of all that is pending again.
  if (id == known_leader_) known_leader_.clear();
}

void Node::handle(Now, LinkLost& event, Effects&) {
  founding_.link_lost(event.peer);
  links_.erase(event.peer);
  linked_since_.erase(event.peer);
}

void Node::handle(Now, PeersSought& event, Effects&) { founding_.searches(std::move(event.waits_for)); }

void Node::handle(Now now, PeerGone& event, Effects& out) {
  raft_.peer_gone(now, event.peer, event.on_purpose, out);
}

void Node::handle(Now now, PeerMessage& event, Effects& out) {
  if (is_of_an_old_disk(now, event.from, event.incarnation, out)) return;
  const auto& body = event.message.body;
  if (!is_of_the_node(body)) {
    const bool is_heartbeat = std::holds_alternative<Heartbeat>(body);
    if (const auto* response = std::get_if<HeartbeatResponse>(&body))
      hear_lives(event, response->disk, response->known, out);
    raft_.receive(now, event.from, event.incarnation, std::move(event.message), out);
    if (is_heartbeat) hear_lives(event, out);
    return;
  }
  if (const auto* said = std::get_if<NotMember>(&body)) {
    on_not_member(event, *said, out);
    return;
  }
  if (std::holds_alternative<DiskWentBack>(body)) {
    on_disk_went_back(event, out);
    return;
  }
  // From whoever was asked for it, though that may be no leader by now, nor a member that this node knows.
  if (auto* part = std::get_if<ArtefactPart>(&event.message.body)) {
    on_part(now, event, std::move(*part), out);
    return;
  }
  // A node whose log is behind may not know its leader as a member yet.
  const bool belongs = event.message.cluster_id == raft_.hard_state().cluster_id &&
                       (raft_.is_member(event.from, event.incarnation) || event.from == raft_.leader());
  if (!belongs) return;
  if (const auto* writes = std::get_if<ForwardWrites>(&body)) on_forwarded(now, event, *writes, out);
  if (const auto* refused = std::get_if<WritesRefused>(&body)) on_refused(*refused, out);
  if (const auto* request = std::get_if<ReadIndexRequest>(&body))
    on_read_request(now, event.from, *request, out);
  if (const auto* response = std::get_if<ReadIndexResponse>(&body))
    reads_.answered(response->ticket, response->index);
  if (const auto* request = std::get_if<TransferRequest>(&body))
    on_transfer_request(now, event, *request, out);
  if (const auto* transfer = std::get_if<TransferRefused>(&body)) on_transfer_refused(now, *transfer, out);
  if (const auto* offer = std::get_if<OfferArtefact>(&body)) on_offer(now, event, *offer, out);
  if (const auto* fetch = std::get_if<FetchPart>(&body)) on_fetch_part(now, event, *fetch, out);
}

void Node::handle(Now now, WriteDone& event, Effects& out) {
  disk_pace_.done(event.took);
  raft_.persisted(now, event.id, out);
}

void Node::handle(Now, CheckpointTaken&, Effects&) { checkpointer_.taken(); }

void Node::settle(Now now, Effects& out) {
  if (!raft_.hard_state().cluster_id) {
    if (const std::optional<Configuration> first = founding_.try_found(boot_, random_))
      raft_.found(now, *first, out);
  }
  hand_over(now, out);
  review_leadership(now, out);
  // Applying may commit nothing and answering may propose nothing, so one pass in this order settles it.
  follow_leader(now, out);
  for (const ReadTicket& failed : raft_.take_failed_reads()) {
    if (failed.peer.empty() && failed.ticket == reads_.ticket()) reads_.unask();
  }
  ask_for_index(now, out);
  for (const ReadReady& ready : raft_.take_ready_reads()) {
    if (ready.ticket.peer.empty()) {
      reads_.answered(ready.ticket.ticket, ready.index);
    } else {
      raft_.send(ready.ticket.peer, ReadIndexResponse{ready.ticket.ticket, ready.index}, PersistId{}, out);
    }
  }
  apply_committed(now, out);
  keep_image(now, out);
  keep_database(now, out);
  keep_artefacts(now, out);
  note_old_disks(now, out);
  keep_lives(now, out);
  serve_reads(now, out);
  keep_sessions(now, out);
  keep_staging(now, out);
  keep_tables(now, out);
  keep_members(now, out);
  retry_lost(now, out);
  expire(now, out);
  pursue_transfers(now, out);
  handing_over_ = raft_.is_handing_over();
}

void Node::follow_leader(Now now, Effects& out) {
  const NodeId& leader = raft_.leader();
  if (leader == known_leader_ && raft_.term() == known_term_) return;
  known_term_ = raft_.term();
  reads_.unask();
  if (leader.empty()) {
    if (!known_leader_.empty()) out.emplace_back(Notice{NoticeKind::kLeaderLost, "no leader is known"});
    known_leader_.clear();
    return;
  }
  out.emplace_back(Notice{raft_.is_leader() ? NoticeKind::kRole : NoticeKind::kLeaderKnown,
                          raft_.is_leader()
                              ? "leads term " + std::to_string(known_term_.value)
                              : "follows " + leader + " in term " + std::to_string(known_term_.value)});
  known_leader_ = leader;
  if (MUTANT(kForgetPendingWrites)) return;
  writes_->for_each([&](PendingWrite& write) { (void)send_write(now, write, out); });
}

void Node::apply_committed(Now now, Effects& out) {
  const bool careless = MUTANT(kApplyUndurable) || MUTANT(kCheckpointUndurable);
  const Index until = careless ? raft_.commit() : raft_.applicable();
  // A long log, as after a restart, is applied in pieces: the loop must turn and heartbeats be answered
  // meanwhile.
  const size_t applies_max = BUGGIFY(kApplyOneEntry) ? 1 : limits::kAppliesPerStepMax;
  for (size_t i = 0; i < applies_max && store_.applied() < until; ++i) {
    const Entry& entry = raft_.log().at(store_.applied().next());
    if (const auto unknown = unknown_version(entry)) {
      out.emplace_back(Stop{*unknown});
      return;
    }
    const ClusterId before = store_.members().configuration().cluster_id;
    Applied applied = store_.apply(entry);
    if (before && store_.members().configuration().cluster_id != before) {
      image_from_ = entry.index;
      checkpointer_.hurry();
    }
    checkpointer_.applied(entry.encoded_bytes(), now.mono);
    if (entry.kind == EntryKind::kLeader) {
      if (const auto record = decode_leader_record(entry.payload.view())) {
        if (!last_applied_leader_.empty() && last_applied_leader_ != record->leader) ++failovers_;
        last_applied_leader_ = record->leader;
        last_applied_leader_term_ = entry.term;
      }
    }
    note_restored(entry.index, out);
    const bool is_own =
        applied.origin && (applied.origin->incarnation == raft_.incarnation() || MUTANT(kAnswerForOthers));
    if (!is_own) continue;
    // A disk that was rolled back has forgotten which numbers it gave out: what comes by under one of them
    // may be a write of its former life, whose answer is nobody's here (scenario 49).
    const PendingWrite* waiting = writes_->find(applied.origin->sequence);
    const bool is_it = waiting != nullptr && (waiting->command == entry.payload || MUTANT(kAnswerForOthers));
    if (!is_it) continue;
    if (const std::optional<PendingWrite> write = writes_->resolve(applied.origin->sequence)) {
      out.emplace_back(Reply{write->request, std::move(applied.result), PersistId{}});
    }
  }
  raft_.set_applied(store_.applied());
}

void Node::keep_image(Now now, Effects& out) {
  checkpointer_.set_short_of_room(raft_.room() < LogRoom::kUnknown);
  checkpointer_.step(now.mono, store_, out);
  // What an image that is damaged was to hold may be needed from the log.
  const bool may_cut = !checkpointer_.is_damaged();
  if (may_cut && raft_.cut_log(checkpointer_.durable()))
    out.emplace_back(CutLog{raft_.log().needless_on_disk()});
  if (MUTANT(kCutBeforeCheckpoint)) out.emplace_back(CutLog{store_.applied()});
}

void Node::keep_sessions(Now now, Effects& out) {
  if (std::optional<TouchSessionsOp> touches = sessions_.take_touches(now.mono)) {
    ClientWrite write{RequestId{}, AccountOp{std::move(*touches)}, std::nullopt,
                      now.mono + limits::kExpiryRetry, std::nullopt};
    handle(now, write, out);
  }
  // A leader that has not applied what was committed before it knows less than the log.
  if (!knows_as_leader()) {
    sessions_.rest();
    return;
  }
  if (!sessions_.expiry_is_due(store_.accounts(), raft_.cluster_stamp(now), now)) return;
  ClientWrite write{RequestId{}, AccountOp{ExpireSessionsOp{}}, std::nullopt, now.mono + limits::kExpiryRetry,
                    std::nullopt};
  handle(now, write, out);
}

bool Node::knows_as_leader() const {
  return raft_.is_leader() && !raft_.is_handing_over() && store_.applied() >= raft_.commit() &&
         raft_.freshness().ever();
}

bool Node::may_give_verdicts() const {
  return store_.tables().schema() > 0 && knows_as_leader() && cluster_protocol() >= protocol::kTables;
}

void Node::keep_staging(Now now, Effects& out) {
  if (!knows_as_leader()) return staging_keeper_.rest();
  std::optional<DropStagedOp> drop =
      staging_keeper_.take_drop(store_.staging(), raft_.cluster_stamp(now), now.mono);
  if (!drop) return;
  ClientWrite write{RequestId{}, RestoreOp{std::move(*drop)}, std::nullopt, now.mono + limits::kExpiryRetry,
                    std::nullopt};
  handle(now, write, out);
}

// There are tables as soon as every member knows what they are.
void Node::keep_tables(Now now, Effects& out) {
  if (store_.tables().schema() >= kTablesSchema || !knows_as_leader()) return;
  if (now.mono < next_opening_ || cluster_protocol() < protocol::kTables) return;
  next_opening_ = now.mono + limits::kExpiryRetry;
  ClientWrite write{RequestId{}, TableOp{OpenTablesOp{kTablesSchema}}, std::nullopt, next_opening_,
                    std::nullopt};
  handle(now, write, out);
}

// On every node, so that each one's log says why keys changed that no client wrote.
void Node::note_restored(Index at, Effects& out) const {
  const std::optional<Restoration>& last = store_.staging().last();
  if (!last || last->revision != at) return;
  const RestoreCounts& counts = last->counts;
  out.emplace_back(Notice{NoticeKind::kOperator,
                          "keys, sites and policies were restored from the snapshot of revision " +
                              std::to_string(last->begun.snapshot.value) +
                              (last->by.empty() ? "" : ", as user " + last->by + " wished") + ": " +
                              std::to_string(counts.put) + " put, " + std::to_string(counts.deleted) +
                              " deleted, " + std::to_string(counts.unchanged) + " as they were, " +
                              std::to_string(counts.sessions_ended) + " sessions ended"});
}

void Node::touch_session(std::string_view id, Now now) {
  if (const Session* session = store_.accounts().session(id)) sessions_.touch(*session, cluster_stamp(now));
}

bool Node::vouches(Now now) const {
  if (MUTANT(kVouchForEver)) return raft_.had_leader_contact();
  const Freshness& freshness = raft_.freshness();
  return freshness.ever() && now.mono - freshness.as_of() <= 2 * raft_.election_timeout();
}

void Node::report_health(std::string_view component, bool ok, std::string_view reason, Now now) {
  health_.report(component, ok, reason, now);
}

PeerIdentity Node::identity() const {
  const ClusterId& own = raft_.hard_state().cluster_id;
  const std::deque<ClusterId>& former = store_.members().former();
  return {boot_.id,
          boot_.incarnation,
          own ? own : boot_.lost_cluster,
          boot_.peer_address,
          boot_.api_address,
          version_,
          boot_.rebuilds && !own,
          raft_.hard_state().boot,
          boot_.seed,
          boot_.protocol,
          {former.begin(), former.end()},
          raft_.told_lives().life,
          raft_.told_lives().processes};
}

}  // namespace patronus
