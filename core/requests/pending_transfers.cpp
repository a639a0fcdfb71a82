#include "core/requests/pending_transfers.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"

namespace patronus {

void PendingTransfers::add(ClientTransfer wish, const NodeId& leader, Term term, Instant now) {
  PATRONUS_ASSERT(has_room(), "the caller asks for room first");
  pending_.emplace(++ticket_, PendingTransfer{std::move(wish), leader, term, now, now});
}

std::optional<uint64_t> PendingTransfers::take_due(const NodeId& leader, Term term, Instant now) {
  for (auto& [ticket, transfer] : pending_) {
    if (transfer.next_ask > now) continue;
    transfer.next_ask = now + limits::kTransferRetry;
    // One that is met waits only for the new leader's entry to be applied here.
    if (!transfer.is_met_by(leader, term)) return ticket;
  }
  return std::nullopt;
}

std::optional<PendingTransfer> PendingTransfers::resolve(uint64_t ticket) {
  const auto at = pending_.find(ticket);
  if (at == pending_.end()) return std::nullopt;
  PendingTransfer transfer = std::move(at->second);
  pending_.erase(at);
  return transfer;
}

std::optional<PendingTransfer> PendingTransfers::take_met(const NodeId& leader, Term term) {
  for (const auto& [ticket, transfer] : pending_) {
    if (transfer.is_met_by(leader, term)) return resolve(ticket);
  }
  return std::nullopt;
}

std::optional<PendingTransfer> PendingTransfers::take_expired(Instant now) {
  for (const auto& [ticket, transfer] : pending_) {
    if (transfer.wish.deadline <= now) return resolve(ticket);
  }
  return std::nullopt;
}

Instant PendingTransfers::deadline() const {
  Instant next = Instant::never();
  for (const auto& [ticket, transfer] : pending_)
    next = std::min({next, transfer.wish.deadline, transfer.next_ask});
  return next;
}

}  // namespace patronus
