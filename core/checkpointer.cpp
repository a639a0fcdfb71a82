#include "core/checkpointer.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

void Checkpointer::applied(size_t bytes, Instant now) {
  bytes_ += bytes;
  if (!first_at_) first_at_ = now;
}

void Checkpointer::taken() {
  PATRONUS_ASSERT(waits_, "a piece that is taken was given");
  waits_ = false;
  if (!std::exchange(sent_end_, false)) {
    if (MUTANT(kImageBeforeItsEnd)) durable_ = under_way_->base.index;
    return;
  }
  durable_ = under_way_->base.index;
  under_way_.reset();
  if (std::exchange(mends_, false)) damaged_ = false;
}

bool Checkpointer::begin_anew() {
  if (damaged_) return false;
  damaged_ = true;
  anew_ = true;
  return true;
}

bool Checkpointer::is_due(Instant now) const {
  const size_t enough =
      is_short_of_room_ ? std::min(pace_.bytes, limits::kCheckpointBytesWhenFull) : pace_.bytes;
  if (anew_) return true;
  if (!first_at_) return false;
  return hurries_ || bytes_ >= enough || now - *first_at_ >= pace_.interval || BUGGIFY(kCheckpointNow);
}

void Checkpointer::step(Instant now, Store& store, Effects& out) {
  if (waits_) return;
  bool is_first = false;  // of one that is written anew
  if (!under_way_) {
    if (!is_due(now)) return;
    // All keys at once would hold the loop up.
    if (anew_ && !store.mark_rows(limits::kRowsMarkedPerStep)) return;
    mends_ = std::exchange(anew_, false);
    is_first = mends_;
    store.begin_changes();
    under_way_ = CheckpointEnd{store.base(), store.hash()};
    bytes_ = 0;
    first_at_.reset();
    hurries_ = false;
  }
  Checkpoint piece;
  piece.anew = is_first;
  const size_t rows_max = BUGGIFY(kOneRowPiece) ? 1 : pace_.piece_rows;
  const bool more = store.take_changes({rows_max, limits::kCheckpointPieceBytes}, piece.rows);
  if (!more) piece.end = under_way_;
  sent_end_ = !more;
  waits_ = true;
  out.emplace_back(std::move(piece));
}

Instant Checkpointer::deadline() const {
  if (waits_ || under_way_) return Instant::never();
  if (anew_) return Instant{};
  if (!first_at_) return Instant::never();
  return *first_at_ + pace_.interval;
}

}  // namespace patronus
