#include "core/requests/pending_writes.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

PendingWrites::PendingWrites(uint64_t boot) : next_((boot << limits::kSequenceBitsPerBoot) + 1) {
  PATRONUS_ASSERT(boot > 0 && boot < (uint64_t{1} << (64 - limits::kSequenceBitsPerBoot)),
                  "boots are counted from 1");
  if (MUTANT(kSequenceFromZero)) next_ = 1;
}

bool PendingWrites::has_room() const {
  return next_ - resolved_below() < limits::kWritesInFlightMax - 1 && bytes_ < limits::kPendingWriteBytesMax;
}

void PendingWrites::add(PendingWrite write) {
  PATRONUS_ASSERT(has_room(), "the caller asks for room first");
  bytes_ += write.command.size();
  deadlines_.emplace(write.deadline, next_);
  pending_.emplace_hint(pending_.end(), next_, std::move(write));
  ++next_;
}

PendingWrite* PendingWrites::find(uint64_t sequence) {
  const auto at = pending_.find(sequence);
  return at == pending_.end() ? nullptr : &at->second;
}

std::optional<PendingWrite> PendingWrites::resolve(uint64_t sequence) {
  const auto at = pending_.find(sequence);
  if (at == pending_.end()) return std::nullopt;
  PendingWrite write = std::move(at->second);
  bytes_ -= write.command.size();
  deadlines_.erase({write.deadline, sequence});
  pending_.erase(at);
  return write;
}

std::optional<PendingWrite> PendingWrites::take_expired(Instant now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
  return resolve(deadlines_.begin()->second);
}

void PendingWrites::for_each(const std::function<void(PendingWrite&)>& visit) {
  for (auto& [sequence, write] : pending_) visit(write);
}

}  // namespace patronus
