#include "core/artefact_fetch.h"

#include <algorithm>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

bool ArtefactFetch::offered(const Artefact& artefact, const NodeId& by, Index applied, Instant now) {
  if (artefact_ == artefact) {
    const bool was_stuck = is_stuck(now);
    if (was_stuck) progress_at_ = now;
    stuck_ = false;
    source_ = by;
    return was_stuck;
  }
  if (artefact_ && !is_stuck(now)) return false;
  const bool possible = artefact.bytes > 0 && artefact.bytes <= limits::kArtefactBytesMax;
  if (!possible || now < not_before_) return false;
  if (artefact.index <= applied && !MUTANT(kFetchOlder)) return false;
  *this = ArtefactFetch{};
  artefact_ = artefact;
  source_ = by;
  progress_at_ = now;
  return true;
}

uint64_t ArtefactFetch::part_bytes(uint64_t offset) const {
  return std::min<uint64_t>(limits::kArtefactPartBytes, artefact_->bytes - offset);
}

std::vector<uint64_t> ArtefactFetch::due(Instant now) {
  std::vector<uint64_t> offsets;
  if (!artefact_ || is_stuck(now)) return offsets;
  for (auto& [offset, at] : asked_) {
    if (now - at < limits::kArtefactPartRetry && !BUGGIFY(kPartAgain)) continue;
    at = now;
    offsets.push_back(offset);
  }
  while (next_ < artefact_->bytes && asked_.size() + keeping_.size() < limits::kArtefactPartsInFlight) {
    asked_[next_] = now;
    offsets.push_back(next_);
    next_ += part_bytes(next_);
  }
  return offsets;
}

bool ArtefactFetch::arrived(const Artefact& of, uint64_t offset, size_t bytes) {
  if (artefact_ != of || !asked_.contains(offset) || bytes != part_bytes(offset)) return false;
  asked_.erase(offset);
  keeping_.insert(offset);
  return true;
}

void ArtefactFetch::kept(uint64_t offset, Instant now) {
  if (keeping_.erase(offset) == 0) return;
  kept_ += part_bytes(offset);
  progress_at_ = now;
  stuck_ = false;
}

bool ArtefactFetch::is_stuck(Instant now) {
  const auto gave_nothing = [&] {
    return now - progress_at_ >= limits::kArtefactPatience || BUGGIFY(kSourceStuck);
  };
  stuck_ = stuck_ || (artefact_ && gave_nothing());
  return stuck_;
}

void ArtefactFetch::give_up(Instant not_before) {
  *this = ArtefactFetch{};
  not_before_ = not_before;
}

Instant ArtefactFetch::deadline() const {
  if (!artefact_ || stuck_) return Instant::never();
  Instant next = progress_at_ + limits::kArtefactPatience;
  for (const auto& [offset, at] : asked_) next = std::min(next, at + limits::kArtefactPartRetry);
  return next;
}

}  // namespace patronus
