#include "core/requests/staging_keeper.h"

#include <algorithm>

#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

std::optional<DropStagedOp> StagingKeeper::take_drop(const Staging& staging, const Stamp& stamp,
                                                     Instant now) {
  next_ = Instant::never();
  if (MUTANT(kKeepStagedRows)) return std::nullopt;
  const std::optional<Restoration>& last = staging.last();
  const bool is_under_way = last && last->stage == RestoreStage::kStaging;
  if (!is_under_way && !staging.is_to_be_dropped()) return std::nullopt;
  if (is_under_way && !staging.is_idle(stamp)) {
    constexpr int64_t kIdleMs =
        std::chrono::duration_cast<std::chrono::milliseconds>(limits::kRestoreIdle).count();
    const int64_t wait_ms = last->stepped_lease_ms + kIdleMs - stamp.lease_ms;
    next_ = now + std::chrono::milliseconds(std::clamp<int64_t>(wait_ms, 1, kIdleMs));
    return std::nullopt;
  }
  // Not while the last proposal is under way; once it has done its part there may be more than it could take.
  const Left left{last->since, last->first_piece, last->stage};
  if (proposed_for_ == left && now < next_proposal_) {
    next_ = next_proposal_;
    return std::nullopt;
  }
  proposed_for_ = left;
  next_proposal_ = now + limits::kExpiryRetry;
  next_ = next_proposal_;
  return DropStagedOp{last->begun.id, true};
}

}  // namespace patronus
