// How leadership moves because somebody wants it to: this node drains, or an operator asks.
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/node.h"

namespace patronus {

void Node::handle(Now now, Drain& event, Effects& out) {
  if (event.on) leave_by_ = now.mono + limits::kLeavePatience;
  if (event.on == draining_) return;
  draining_ = event.on;
  raft_.set_draining(now, event.on, out);
  if (event.on) checkpointer_.hurry();
  next_hand_over_ = now.mono;
}

void Node::hand_over(Now now, Effects& out) {
  // Given up: what was held back meanwhile is proposed here after all.
  if (handing_over_ && !raft_.is_handing_over() && raft_.is_leader()) known_leader_.clear();
  if (!draining_ || !raft_.is_leader() || raft_.is_handing_over() || now.mono < next_hand_over_) return;
  next_hand_over_ = now.mono + limits::kHandOverRetry;
  (void)raft_.transfer(now, NodeId{}, LeaderCause::kDrain, out);
}

void Node::review_leadership(Now now, Effects& out) {
  if (!raft_.is_leader() || raft_.is_handing_over() || draining_ || now.mono < next_review_) return;
  next_review_ = now.mono + boot_.heartbeat_interval;
  leave_lead_to_a_sound_database(now, out);
  if (raft_.is_handing_over()) return;
  const Duration pace = disk_pace_.is_settled() ? disk_pace_.pace(now.mono) : Duration{0};
  const std::optional<HandOverPolicy::Choice> choice =
      hand_over_policy_.review(now.mono, raft_.led_since(), pace, raft_.room(), raft_.contenders(now));
  if (!choice) return;
  out.emplace_back(Notice{NoticeKind::kHandOver, choice->why});
  (void)raft_.transfer(now, choice->target, LeaderCause::kTransfer, out);
}

bool Node::may_leave(Now now) const {
  return !raft_.is_leader() || now.mono >= leave_by_ || !raft_.has_successor();
}

NodeId Node::heard_leader(Now now) const {
  const bool heard = raft_.is_leader() || now.mono - raft_.last_leader_contact() <= raft_.election_timeout();
  return heard ? raft_.leader() : NodeId{};
}

void Node::handle(Now now, ClientTransfer& event, Effects& out) {
  const NodeId leader = heard_leader(now);
  if (leader.empty() || !transfers_.has_room() || BUGGIFY(kTransfersFull)) {
    TransferResult result;
    result.failure = leader.empty() ? TransferFailure::kNoLeader : TransferFailure::kBusy;
    out.emplace_back(Reply{event.request, std::move(result), PersistId{}});
    return;
  }
  out.emplace_back(Notice{NoticeKind::kOperator, event.by + " wants " +
                                                     (event.target.empty() ? "another node" : event.target) +
                                                     " to lead instead of " + leader});
  transfers_.add(std::move(event), leader, raft_.term(), now.mono);
}

void Node::answer_transfer(Now now, const PendingTransfer& transfer, std::optional<TransferFailure> failure,
                           Effects& out) {
  TransferResult result;
  result.failure = failure;
  result.old_leader = transfer.old_leader;
  result.took = now.mono - transfer.began;
  if (!failure) {
    result.new_leader = last_applied_leader_;
    result.term = last_applied_leader_term_;
  }
  out.emplace_back(Reply{transfer.wish.request, std::move(result), PersistId{}});
}

void Node::pursue_transfers(Now now, Effects& out) {
  while (const auto met = transfers_.take_met(last_applied_leader_, last_applied_leader_term_))
    answer_transfer(now, *met, std::nullopt, out);
  const Instant until = told_removed_ ? Instant::never() : now.mono;
  while (const auto expired = transfers_.take_expired(until)) {
    answer_transfer(now, *expired,
                    heard_leader(now).empty() ? TransferFailure::kNoLeader : TransferFailure::kTimeout, out);
  }
  const NodeId& leader = raft_.leader();
  while (const std::optional<uint64_t> ticket = transfers_.take_due(leader, raft_.term(), now.mono)) {
    const TransferRequest request{*ticket, transfers_.at(*ticket).wish.target, LeaderCause::kForced};
    if (raft_.is_leader()) {
      begin_transfer(now, NodeId{}, request, out);
    } else if (links_.contains(leader)) {
      raft_.send(leader, request, PersistId{}, out);
    }
  }
}

void Node::begin_transfer(Now now, const NodeId& from, const TransferRequest& request, Effects& out) {
  const std::optional<TransferFailure> obstacle = raft_.transfer_obstacle(now, request.target);
  if (!obstacle) {
    (void)raft_.transfer(now, request.target, request.cause, out);
  } else if (*obstacle == TransferFailure::kNotYet) {
    return;  // whoever asked asks again
  } else if (from.empty()) {
    on_transfer_refused(now, {request.ticket, *obstacle}, out);
  } else {
    raft_.send(from, TransferRefused{request.ticket, *obstacle}, PersistId{}, out);
  }
}

// A request that was meant for another leadership, and came late, moves nobody.
void Node::on_transfer_request(Now now, const PeerMessage& event, const TransferRequest& request,
                               Effects& out) {
  if (raft_.is_leader() && event.message.term == raft_.term()) begin_transfer(now, event.from, request, out);
}

void Node::on_transfer_refused(Now now, const TransferRefused& refused, Effects& out) {
  if (const std::optional<PendingTransfer> transfer = transfers_.resolve(refused.ticket))
    answer_transfer(now, *transfer, refused.why, out);
}

}  // namespace patronus
