// When rows of the state are copied to the dashboard's database, and how: as in core/checkpointer.h piece by
// piece, all pieces of one index one transaction, the next one when the last was taken. Unlike the image the
// database may be lost at any time, and then nothing is: once there is one again, all rows are copied, and
// the database's side keeps none besides. At most one copy is under way. While there is no database nothing
// is gathered for it.
#pragma once

#include <optional>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/state/store.h"

namespace patronus {

class Projector {
 public:
  explicit Projector(size_t piece_rows = limits::kProjectionPieceRows) : piece_rows_(piece_rows) {}

  // There is a database now, with whatever it may hold; `opening` tells it apart from those before.
  void opened(uint64_t opening, Store& store);
  // There is none; what was under way is lost with it.
  void lost(Store& store);
  // The piece given last was taken; an answer for an earlier opening comes too late and says nothing.
  void taken(uint64_t opening, Instant now);
  // Begins or goes on with what is due. `known`: how far the cluster is, if that is known; a database is
  // filled for the first time only once the state has come so far, for a node that has just begun would put
  // it back.
  void step(Instant now, Store& store, std::optional<Index> known, Effects& out);

  // The database holds all rows, as of some index since it was opened.
  bool is_filled() const { return filled_; }
  // What it holds, all zero before it is filled.
  Index projected() const { return projected_; }
  // It holds all there is: nothing is under way, and nothing has changed since.
  bool is_current(const Store& store) const;
  // When step() is to be called at the latest.
  Instant deadline(const Store& store) const;

 private:
  bool is_due(Instant now, const Store& store) const;

  size_t piece_rows_;
  bool is_open_ = false;
  uint64_t opening_ = 0;
  bool filled_ = false;
  std::optional<Index> from_;  // so far the state must be before the database is filled
  Index projected_;
  std::optional<Base> under_way_;
  bool waits_ = false;     // for a piece to be taken
  bool sent_end_ = false;  // with the piece that is waited for
  Instant begun_at_;       // the last copy
  Instant ended_at_;
};

}  // namespace patronus
