#include "core/projector.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"

namespace patronus {

void Projector::opened(uint64_t opening, Store& store) {
  lost(store);
  opening_ = opening;
  is_open_ = true;
}

void Projector::lost(Store& store) {
  store.project(false);
  is_open_ = false;
  filled_ = false;
  from_.reset();
  projected_ = Index{};
  under_way_.reset();
  waits_ = false;
  sent_end_ = false;
}

void Projector::taken(uint64_t opening, Instant now) {
  if (!is_open_ || opening != opening_) return;
  PATRONUS_ASSERT(waits_, "a piece that is taken was given");
  waits_ = false;
  if (!std::exchange(sent_end_, false)) return;
  projected_ = under_way_->index;
  filled_ = true;
  ended_at_ = now;
  under_way_.reset();
}

bool Projector::is_due(Instant now, const Store& store) const {
  if (!filled_) return from_ && store.applied() >= *from_ && store.applied();
  if (now - begun_at_ < limits::kProjectionInterval) return false;
  return store.has_projected_changes() || now - ended_at_ >= limits::kProjectionHeartbeat;
}

void Projector::step(Instant now, Store& store, std::optional<Index> known, Effects& out) {
  if (!is_open_ || waits_) return;
  if (!filled_ && !from_) from_ = known;
  Project piece;
  piece.opening = opening_;
  if (!under_way_) {
    if (!is_due(now, store)) return;
    piece.begins = true;
    piece.all = !filled_;
    store.project(true);
    store.begin_projection(piece.all);
    under_way_ = store.base();
    begun_at_ = now;
  }
  const size_t rows_max = BUGGIFY(kOneRowPiece) ? 1 : piece_rows_;
  const bool more = store.take_projection({rows_max, limits::kProjectionPieceBytes}, piece.rows);
  if (!more) piece.end = under_way_;
  sent_end_ = !more;
  waits_ = true;
  out.emplace_back(std::move(piece));
}

bool Projector::is_current(const Store& store) const {
  return filled_ && !under_way_ && !store.has_projected_changes();
}

Instant Projector::deadline(const Store& store) const {
  if (!filled_ || waits_ || under_way_) return Instant::never();
  const Instant heartbeat = ended_at_ + limits::kProjectionHeartbeat;
  return store.has_projected_changes() ? std::min(heartbeat, begun_at_ + limits::kProjectionInterval)
                                       : heartbeat;
}

}  // namespace patronus
