#include "core/requests/restore_run.h"

#include <algorithm>
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"

namespace patronus {
namespace {

bool is_for_now(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNoLeader:
    case Outcome::kMaybeApplied:
    case Outcome::kBusy:
    case Outcome::kFull:
    case Outcome::kRestoreLeft:
    case Outcome::kOutOfOrder:
      return true;
    default:
      return false;
  }
}

std::string reason_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNoLeader:
      return "no leader took the writes for too long";
    case Outcome::kMaybeApplied:
      return "the writes were not confirmed for too long";
    case Outcome::kBusy:
      return "the writes were refused for too long, for there were too many";
    case Outcome::kFull:
      return "the log has no room: the disks of a majority are full, or checkpoints fail";
    case Outcome::kRestoreLeft:
      return "what is left of a former restore was not dropped in time";
    case Outcome::kOutOfOrder:
      return "pieces got into the log out of their order for too long";
    case Outcome::kRestoreUnderWay:
      return "another restore is under way";
    case Outcome::kRestoreOver:
      return "it was given up, since the log heard nothing of it for too long";
    case Outcome::kNotFound:
      return "another restore has taken its place";
    case Outcome::kMismatch:
      return "what was staged is not what the snapshot holds; nothing was replaced";
    case Outcome::kQuotaExceeded:
      return "with the snapshot's keys the state would outgrow its quota; nothing was replaced";
    case Outcome::kUnauthorized:
      return "the session of whoever asked for it has ended";
    case Outcome::kForbidden:
      return "whoever asked for it is an administrator no longer";
    case Outcome::kTooOld:
      return "not every node is of a version that can be restored while it runs; upgrade all nodes first";
    default:
      return "the snapshot's keys can't be staged";
  }
}

}  // namespace

RestoreRun::RestoreRun(BeginRestoreOp begin, FinishRestoreOp finish, Instant now)
    : begin_(std::move(begin)),
      finish_(std::move(finish)),
      pause_(limits::kRestoreRetryMin),
      last_step_(now) {
  put(begin_);
}

bool RestoreRun::wants_piece() const {
  const size_t window_max = BUGGIFY(kOneRestorePiece) ? 1 : limits::kRestoreWindow;
  return stage_ == Stage::kStaging && !asked_ && !at_end_ && window_.size() < window_max;
}

void RestoreRun::piece(Blob rows, uint64_t count, bool is_last, Instant now) {
  asked_ = false;
  if (stage_ != Stage::kStaging) return;
  if (count > 0) put(StageRowsOp{begin_.id, next_sequence_++, std::move(rows)}, count);
  at_end_ = is_last;
  move_on(now);
}

void RestoreRun::source_failed(const std::string& reason, Instant now) {
  asked_ = false;
  if (stage_ == Stage::kStaging) fail(Outcome::kRefused, reason, now);
}

std::optional<RestoreRun::Write> RestoreRun::next_write(Instant now) {
  give_up_if_stuck(now);
  // A piece goes on its way only if those before it are, for they are taken in order.
  for (Pending& pending : window_) {
    if (pending.done || pending.ticket != 0) continue;
    if (pending.not_before > now) return std::nullopt;
    pending.ticket = next_ticket_++;
    const bool for_user = std::holds_alternative<BeginRestoreOp>(pending.op) ||
                          std::holds_alternative<FinishRestoreOp>(pending.op);
    return Write{pending.ticket, pending.op, for_user};
  }
  return std::nullopt;
}

void RestoreRun::answered(uint64_t ticket, const WriteResult& result, Instant now) {
  const auto at = std::find_if(window_.begin(), window_.end(),
                               [&](const Pending& pending) { return pending.ticket == ticket; });
  if (ticket == 0 || at == window_.end()) return;
  at->ticket = 0;
  if (stage_ == Stage::kDiscarding) return discarded(result, now);
  if (result.outcome == Outcome::kOk) {
    at->done = true;
    rows_staged_ += at->rows;
    last_step_ = now;
    pause_ = limits::kRestoreRetryMin;
    while (!window_.empty() && window_.front().done) window_.pop_front();
    move_on(now);
  } else if (is_for_now(result.outcome)) {
    // What is dropped of a former restore is a step forward, and more of it may follow at once.
    const bool is_cleared = result.outcome == Outcome::kRestoreLeft;
    if (is_cleared) pause_ = limits::kRestoreRetryMin;
    retry(*at, now);
    if (is_cleared) at->not_before = now;
  } else {
    fail(result.outcome, reason_of(result.outcome), now);
  }
}

void RestoreRun::retry(Pending& pending, Instant now) {
  pending.not_before = now + pause_;
  pause_ = std::min<Duration>(2 * pause_, limits::kRestoreRetryMax);
}

// What follows once all that was to be written is.
void RestoreRun::move_on(Instant now) {
  if (!window_.empty()) return;
  if (stage_ == Stage::kBeginning) {
    has_begun_ = true;
    stage_ = Stage::kStaging;
  } else if (stage_ == Stage::kStaging && at_end_) {
    stage_ = Stage::kFinishing;
    last_step_ = now;
    put(finish_);
  } else if (stage_ == Stage::kFinishing) {
    stage_ = Stage::kDone;
  }
}

void RestoreRun::fail(Outcome outcome, std::string reason, Instant now) {
  failure_ = Failure{outcome, std::move(reason)};
  // Of a restore that never began, or is another one's by now, there is nothing to drop.
  const bool is_gone = outcome == Outcome::kNotFound || outcome == Outcome::kRestoreUnderWay;
  if (is_gone || (!has_begun_ && outcome != Outcome::kMaybeApplied)) {
    window_.clear();
    stage_ = Stage::kFailed;
    return;
  }
  discard(now);
}

void RestoreRun::discard(Instant now) {
  stage_ = Stage::kDiscarding;
  last_step_ = now;
  pause_ = limits::kRestoreRetryMin;
  window_.clear();
  put(DropStagedOp{begin_.id, false});
}

void RestoreRun::discarded(const WriteResult& result, Instant now) {
  const bool goes_on = (result.outcome == Outcome::kOk && result.number > 0) || is_for_now(result.outcome);
  if (!goes_on) {
    window_.clear();
    stage_ = Stage::kFailed;
  } else if (result.outcome != Outcome::kOk) {
    retry(window_.front(), now);
  }
}

void RestoreRun::give_up_if_stuck(Instant now) {
  if (is_over()) return;
  if (stage_ == Stage::kDiscarding) {
    if (now - last_step_ < limits::kRestoreDiscardPatience) return;
    window_.clear();
    stage_ = Stage::kFailed;
    return;
  }
  // A piece that is being read is for its reader to give up.
  const bool is_stuck = now - last_step_ >= limits::kRestorePatience && !window_.empty();
  if (!is_stuck) return;
  if (stage_ == Stage::kFinishing)
    return fail(
        Outcome::kMaybeApplied,
        "it is not known whether the last entry got into the log; look at GET /api/v1/snapshots/restore",
        now);
  fail(Outcome::kMaybeApplied, "the cluster took no writes of it for too long", now);
}

Instant RestoreRun::deadline() const {
  if (is_over()) return Instant::never();
  Instant next = last_step_ +
                 (stage_ == Stage::kDiscarding ? limits::kRestoreDiscardPatience : limits::kRestorePatience);
  if (window_.empty()) next = Instant::never();
  for (const Pending& pending : window_) {
    if (pending.done || pending.ticket != 0) continue;
    return std::min(next, pending.not_before);
  }
  return next;
}

}  // namespace patronus
