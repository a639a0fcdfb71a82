// What clients ask: writes on their way to the leader's log, reads on their way to an index, and what becomes
// of them.
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/node.h"

namespace patronus {
namespace {

Outcome outcome_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kBusy:
      return Outcome::kBusy;
    case Refusal::kFull:
      return Outcome::kFull;
    case Refusal::kWouldBreakQuorum:
      return Outcome::kWouldBreakQuorum;
    case Refusal::kLeads:
      return Outcome::kLeads;
  }
  return Outcome::kBusy;
}

}  // namespace

void Node::handle(Now now, ClientWrite& event, Effects& out) {
  if (!writes_->has_room() || told_removed_ || BUGGIFY(kWritesFull)) {
    refuse_write(event.request, told_removed_ ? Outcome::kNoLeader : Outcome::kBusy, false, out);
    return;
  }
  // What a node of an older version would stop at is not written.
  const bool is_too_new =
      (std::holds_alternative<RestoreOp>(event.op) && cluster_protocol() < protocol::kRestore) ||
      (std::holds_alternative<TableOp>(event.op) && cluster_protocol() < protocol::kTables);
  if (is_too_new) {
    refuse_write(event.request, Outcome::kTooOld, false, out);
    return;
  }
  const uint64_t sequence = writes_->next_sequence();
  const Command command{{raft_.incarnation(), sequence, writes_->resolved_below()},
                        std::move(event.idempotency),
                        std::move(event.op),
                        std::move(event.authority)};
  writes_->add({event.request, Blob(encode_command(command)), event.deadline, now.mono, false, Term{}});
  const bool leader_knows_the_rest =
      !known_leader_.empty() && known_leader_ == raft_.leader() && known_term_ == raft_.term();
  if (!leader_knows_the_rest) return;
  const std::optional<Refusal> refused = send_write(now, *writes_->find(sequence), out);
  if (!refused) return;
  // It is in no log, so the client can be told so at once.
  writes_->resolve(sequence);
  refuse_write(event.request, outcome_of(*refused), false, out);
}

void Node::handle(Now, ClientRead& event, Effects& out) {
  if (!reads_.has_room() || BUGGIFY(kReadsFull)) {
    ReadResult result;
    result.failure = ReadFailure::kBusy;
    out.emplace_back(Reply{event.request, std::move(result), PersistId{}});
    return;
  }
  // Until a leader was heard this node does not know which of its entries are committed: what it could show
  // is not merely old, it may be nothing at all.
  if (event.consistency == Consistency::kStale && !raft_.had_leader_contact()) {
    ReadResult result;
    result.failure = ReadFailure::kNoLeader;
    out.emplace_back(Reply{event.request, std::move(result), PersistId{}});
    return;
  }
  reads_.add(std::move(event));
}

void Node::on_forwarded(Now now, const PeerMessage& event, const ForwardWrites& writes, Effects& out) {
  if (!raft_.is_leader()) return;  // the sender finds the new leader by itself
  std::map<Refusal, std::vector<uint64_t>> refused;
  for (const Blob& command : writes.commands) {
    const std::optional<Origin> origin = decode_origin(command.view());
    // Nobody writes in another node's name.
    if (!origin || origin->incarnation != event.incarnation) continue;
    // While leadership is handed over the sender keeps the write, and sends it to the next leader.
    bool handing_over = false;
    if (const std::optional<Refusal> why = propose(now, command, handing_over, out))
      refused[*why].push_back(origin->sequence);
  }
  for (auto& [why, sequences] : refused)
    raft_.send(event.from, WritesRefused{why, std::move(sequences)}, PersistId{}, out);
}

std::optional<Refusal> Node::propose(Now now, const Blob& command, bool& handing_over, Effects& out) {
  if (const std::optional<Refusal> obstacle = membership_obstacle(now, command)) return obstacle;
  const Proposed proposed = raft_.propose(now, EntryKind::kCommand, command, out);
  handing_over = proposed == Proposed::kHandingOver;
  if (proposed == Proposed::kAccepted && decode_membership(command.view()))
    last_member_op_ = raft_.log().last_index();
  if (proposed == Proposed::kAccepted || handing_over) return std::nullopt;
  return proposed == Proposed::kFull ? Refusal::kFull : Refusal::kBusy;
}

void Node::on_refused(const WritesRefused& refused, Effects& out) {
  for (const uint64_t sequence : refused.sequences) {
    // A former leader may have taken it, so a refusal does not prove that it is in no log.
    if (const std::optional<PendingWrite> write = writes_->resolve(sequence)) {
      refuse_write(write->request, outcome_of(refused.why), true, out);
    }
  }
}

void Node::on_read_request(Now now, const NodeId& from, const ReadIndexRequest& request, Effects& out) {
  if (raft_.is_leader()) raft_.request_read(now, {from, request.ticket}, out);
}

// Why this node, which leads, could not take the write into its log; nothing if it did, or another leads.
std::optional<Refusal> Node::send_write(Now now, PendingWrite& write, Effects& out) {
  write.sent_at = now.mono;
  if (raft_.is_leader()) {
    bool handing_over = false;
    const std::optional<Refusal> refused = propose(now, write.command, handing_over, out);
    if (refused || handing_over) return refused;
    write.sent = true;
    write.proposed_in = raft_.term();
  } else if (links_.contains(known_leader_)) {  // otherwise it is sent when the link comes up
    write.sent = true;
    raft_.send(known_leader_, ForwardWrites{{write.command}}, PersistId{}, out);
  }
  return std::nullopt;
}

void Node::ask_for_index(Now now, Effects& out) {
  if (!reads_.wants_index() || known_leader_.empty()) return;
  if (raft_.is_leader()) {
    raft_.request_read(now, {NodeId{}, reads_.ask(now.mono)}, out);
  } else if (links_.contains(known_leader_)) {
    raft_.send(known_leader_, ReadIndexRequest{reads_.ask(now.mono)}, PersistId{}, out);
  }
}

void Node::serve_reads(Now now, Effects& out) {
  while (std::optional<ClientRead> read = reads_.take_ready(store_.applied())) {
    ReadResult result = answer(read->query);
    const Freshness& freshness = raft_.freshness();
    if (read->consistency == Consistency::kStale && freshness.ever())
      result.staleness = now.mono - freshness.as_of();
    out.emplace_back(Reply{read->request, std::move(result), PersistId{}});
  }
}

ReadResult Node::answer(const Query& query) const {
  ReadResult result;
  result.revision = store_.applied();
  if (const auto* get = std::get_if<GetQuery>(&query)) {
    if (const Record* record = store_.get(get->ns, get->key)) result.record = *record;
  } else if (const auto* list = std::get_if<ListQuery>(&query)) {
    result.page = store_.list(*list);
  } else if (std::holds_alternative<HistoryQuery>(query)) {
    result.history = store_.history();
  }
  return result;
}

void Node::retry_lost(Now now, Effects& out) {
  const bool waits = writes_->size() > 0 || reads_.size() > 0;
  if (waits && next_retry_ == Instant::never()) next_retry_ = now.mono + limits::kReadRetry;
  if (now.mono < next_retry_) return;
  next_retry_ = waits ? now.mono + limits::kReadRetry : Instant::never();
  if (reads_.asked() && now.mono - reads_.asked_at() >= limits::kReadRetry && !raft_.is_leader()) {
    reads_.unask();
    ask_for_index(now, out);
  }
  if (known_leader_.empty() || MUTANT(kForgetPendingWrites)) return;
  writes_->for_each([&](PendingWrite& write) {
    const bool in_own_log = raft_.is_leader() && write.proposed_in == raft_.term();
    if (in_own_log) return;
    if (now.mono - write.sent_at >= limits::kForwardRetry || BUGGIFY(kForwardAgain))
      (void)send_write(now, write, out);
  });
}

void Node::expire(Now now, Effects& out) {
  while (const std::optional<PendingWrite> write = writes_->take_expired(now.mono)) {
    refuse_write(write->request, write->sent ? Outcome::kMaybeApplied : Outcome::kNoLeader, write->sent, out);
  }
  // Whom the cluster has taken out is sent the log for a while, and sees writes come by, but no leader
  // answers it.
  const Instant until = told_removed_ ? Instant::never() : now.mono;
  while (std::optional<PendingReads::Expired> expired = reads_.take_expired(until)) {
    ReadResult result;
    result.revision = store_.applied();
    const bool revision_missing = expired->has_index && expired->read.min_revision > store_.applied();
    result.failure = revision_missing                         ? ReadFailure::kRevisionNotReached
                     : known_leader_.empty() || told_removed_ ? ReadFailure::kNoLeader
                                                              : ReadFailure::kTimeout;
    out.emplace_back(Reply{expired->read.request, std::move(result), PersistId{}});
  }
}

void Node::refuse_write(RequestId request, Outcome outcome, bool maybe_applied, Effects& out) {
  WriteResult result;
  result.outcome = outcome;
  result.maybe_applied = maybe_applied;
  result.revision = store_.applied();
  out.emplace_back(Reply{request, std::move(result), PersistId{}});
}

}  // namespace patronus
