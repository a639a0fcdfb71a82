#include "core/state/staging.h"

#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

constexpr size_t kPieceOverheadBytes = 96;
constexpr int64_t kIdleMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kRestoreIdle).count();

}  // namespace

WriteResult Staging::apply(const RestoreOp& op, const std::string& by, Index at, const Stamp& stamp) {
  WriteResult result;
  if (const auto* begun = std::get_if<BeginRestoreOp>(&op)) {
    result.outcome = begin(*begun, by, at, stamp);
    result.number = last_ ? last_->next_piece : 0;
  } else if (const auto* rows = std::get_if<StageRowsOp>(&op)) {
    result.outcome = stage(*rows, stamp);
    result.number = last_ ? last_->next_piece : 0;
  } else if (const auto* dropped = std::get_if<DropStagedOp>(&op)) {
    result.outcome = drop(*dropped, stamp);
    result.number = pieces_.size();
  }
  return result;
}

Outcome Staging::begin(const BeginRestoreOp& op, const std::string& by, Index at, const Stamp& stamp) {
  if (last_ && last_->begun.id == op.id)
    return last_->stage == RestoreStage::kStaging ? Outcome::kOk : Outcome::kRestoreOver;
  if (last_ && last_->stage == RestoreStage::kStaging) {
    if (!is_idle(stamp)) return Outcome::kRestoreUnderWay;
    touch_last();
    last_->stage = RestoreStage::kGivenUp;
    last_->ended_wall_ms = stamp.wall_ms;
    changed();
  }
  if (!pieces_.empty()) {
    drop_some();
    return Outcome::kRestoreLeft;
  }
  touch_last();
  last_ = Restoration{};
  last_->begun = op;
  last_->by = by;
  last_->since = at;
  last_->began_wall_ms = stamp.wall_ms;
  last_->stepped_lease_ms = stamp.lease_ms;
  sum_ = StagedSum{};
  changed();
  return Outcome::kOk;
}

Outcome Staging::stage(const StageRowsOp& op, const Stamp& stamp) {
  if (!last_ || last_->begun.id != op.id) return Outcome::kNotFound;
  if (last_->stage != RestoreStage::kStaging) return Outcome::kRestoreOver;
  if (op.sequence < last_->next_piece) return op.sequence == 0 ? Outcome::kRefused : Outcome::kOk;
  if (op.sequence > last_->next_piece) return Outcome::kOutOfOrder;
  StagedSum sum = sum_;
  if (!sum.add(op.rows.view()) || sum.rows > last_->begun.rows) return Outcome::kRefused;
  if (sum.cost > limits::kStagingBytesMax) return Outcome::kQuotaExceeded;
  touch_last();
  touch_piece(last_->next_piece);
  sum_ = std::move(sum);
  add_piece(op.rows);
  ++last_->next_piece;
  last_->rows = sum_.rows;
  last_->hash = sum_.hash;
  last_->stepped_lease_ms = stamp.lease_ms;
  changed();
  return Outcome::kOk;
}

Outcome Staging::may_finish(const FinishRestoreOp& op) const {
  if (!last_ || last_->begun.id != op.id) return Outcome::kNotFound;
  if (last_->stage == RestoreStage::kGivenUp) return Outcome::kRestoreOver;
  if (MUTANT(kRestoreUnchecked)) return Outcome::kOk;
  const bool is_whole = op.rows == last_->rows && op.hash == last_->hash && op.rows == last_->begun.rows;
  return is_whole ? Outcome::kOk : Outcome::kMismatch;
}

void Staging::finish(Index at, const Stamp& stamp, const RestoreCounts& counts) {
  PATRONUS_ASSERT(last_ && last_->stage == RestoreStage::kStaging, "only what is staged is restored");
  touch_last();
  last_->stage = RestoreStage::kDone;
  last_->revision = at;
  last_->ended_wall_ms = stamp.wall_ms;
  last_->counts = counts;
  changed();
}

Outcome Staging::drop(const DropStagedOp& op, const Stamp& stamp) {
  if (!last_ || last_->begun.id != op.id) return Outcome::kNotFound;
  if (last_->stage == RestoreStage::kStaging) {
    // Whoever proposed this may have known less than the log.
    if (op.only_if_idle && !is_idle(stamp)) return Outcome::kRestoreUnderWay;
    touch_last();
    last_->stage = RestoreStage::kGivenUp;
    last_->ended_wall_ms = stamp.wall_ms;
    changed();
  }
  drop_some();
  return Outcome::kOk;
}

void Staging::drop_some() {
  if (pieces_.empty()) return;
  touch_last();
  for (size_t i = 0; i < limits::kStagedPiecesDroppedPerApplyMax && !pieces_.empty(); ++i) {
    touch_piece(last_->first_piece);
    pieces_hash_ -= hash64(pieces_.front().view(), last_->first_piece);
    bytes_ -= kPieceOverheadBytes + pieces_.front().size();
    pieces_.pop_front();
    ++last_->first_piece;
  }
  changed();
}

void Staging::add_piece(Blob piece) {
  pieces_hash_ += hash64(piece.view(), last_->first_piece + pieces_.size());
  bytes_ += kPieceOverheadBytes + piece.size();
  pieces_.push_back(std::move(piece));
}

bool Staging::is_idle(const Stamp& stamp) const {
  return last_ && last_->stage == RestoreStage::kStaging &&
         stamp.lease_ms - last_->stepped_lease_ms >= kIdleMs;
}

}  // namespace patronus
