// When the state is written to its durable image, and how: piece by piece, each as large as the loop may be
// held up, the next one when the last was taken. At most one checkpoint is under way.
#pragma once

#include <optional>

#include "core/base/time.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/state/store.h"

namespace patronus {

class Checkpointer {
 public:
  // `durable`: what the image holds.
  Checkpointer(CheckpointPace pace, Index durable) : pace_(pace), durable_(durable) {}

  // An entry of this size was applied.
  void applied(size_t bytes, Instant now);
  // Whatever was applied shall be written soon: the process is about to end, or somebody wants a copy.
  void hurry() { hurries_ = true; }
  // Nothing of what the image holds is of use any more: once the checkpoint under way is taken, another
  // begins with all rows. False: it is known already.
  bool begin_anew();
  // So it is, and the other image is not there yet: what made the state must not be given up meanwhile.
  bool is_damaged() const { return damaged_; }
  // A checkpoint gives the room of the log's segments back, which the disk is short of.
  void set_short_of_room(bool is_short) { is_short_of_room_ = is_short; }
  // The piece given last was taken.
  void taken();
  // Begins or goes on with what is due. The store holds nothing that is not in this node's own durable log
  // (scenario 50).
  void step(Instant now, Store& store, Effects& out);

  // What the image holds, durably, unless it is damaged.
  Index durable() const { return durable_; }
  Instant deadline() const;

 private:
  bool is_due(Instant now) const;

  CheckpointPace pace_;
  Index durable_;
  size_t bytes_ = 0;                 // applied since the last one began
  std::optional<Instant> first_at_;  // when the first of them was
  bool hurries_ = false;
  bool damaged_ = false;
  bool mends_ = false;  // the checkpoint under way does
  bool anew_ = false;   // rows are being marked for the checkpoint that mends it
  bool is_short_of_room_ = false;
  std::optional<CheckpointEnd> under_way_;
  bool waits_ = false;     // for a piece to be taken
  bool sent_end_ = false;  // with the piece that is waited for
};

}  // namespace patronus
