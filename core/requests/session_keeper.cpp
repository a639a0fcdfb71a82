#include "core/requests/session_keeper.h"

#include <algorithm>

namespace patronus {

void SessionKeeper::touch(const Session& session, const Stamp& now) {
  if (now.lease_ms - session.seen_lease_ms < in_ms(limits::kTouchGranularity)) return;
  if (touched_.size() < limits::kTouchesPerEntryMax) touched_.insert(session.id);
}

std::optional<TouchSessionsOp> SessionKeeper::take_touches(Instant now) {
  if (touched_.empty() || now < next_touch_) return std::nullopt;
  next_touch_ = now + limits::kTouchInterval;
  TouchSessionsOp op{{touched_.begin(), touched_.end()}};
  touched_.clear();
  return op;
}

bool SessionKeeper::expiry_is_due(const Accounts& accounts, const Stamp& stamp, Now now) {
  const std::optional<Accounts::NextExpiry> next = accounts.next_expiry();
  if (!next) {
    next_expiry_ = Instant::never();
    return false;
  }
  const int64_t wait_ms = std::min(next->lease_ms - stamp.lease_ms, next->wall_ms - stamp.wall_ms);
  if (wait_ms > 0) {
    next_expiry_ = now.mono + std::chrono::milliseconds(std::min<int64_t>(wait_ms, 3'600'000));
    return false;
  }
  // Not while the last proposal is under way; once it has done its part there may be more than it could take.
  const bool same = proposed_for_ == std::pair(next->lease_ms, next->wall_ms);
  if (same && now.mono < next_proposal_) {
    next_expiry_ = next_proposal_;
    return false;
  }
  next_proposal_ = now.mono + limits::kExpiryRetry;
  proposed_for_ = {next->lease_ms, next->wall_ms};
  next_expiry_ = next_proposal_;
  return true;
}

Instant SessionKeeper::deadline() const {
  return std::min(next_expiry_, touched_.empty() ? Instant::never() : next_touch_);
}

}  // namespace patronus
