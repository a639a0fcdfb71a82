// What a leader does by itself for a restore that nobody goes on with: it proposes that what was staged is
// dropped, piecewise, as it does when a restore is done.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "core/base/time.h"
#include "core/raft/entry.h"
#include "core/state/staging.h"

namespace patronus {

class StagingKeeper {
 public:
  // What is to be proposed now, or nothing. Asked at every step.
  std::optional<DropStagedOp> take_drop(const Staging& staging, const Stamp& stamp, Instant now);
  // On a follower: it proposes nothing.
  void rest() { next_ = Instant::never(); }

  // When it wants to be asked again.
  Instant deadline() const { return next_; }

 private:
  using Left = std::tuple<Index, uint64_t, RestoreStage>;  // of which restore, from which piece

  Instant next_ = Instant::never();
  Instant next_proposal_;  // the same is not proposed before
  std::optional<Left> proposed_for_;
};

}  // namespace patronus
