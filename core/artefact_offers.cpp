#include "core/artefact_offers.h"

#include <utility>

#include "core/base/limits.h"

namespace patronus {

bool ArtefactOffers::begin_making(Instant now, Index base) {
  if (making_ || is_of_use(base) || now < try_again_) return false;
  making_ = true;
  return true;
}

void ArtefactOffers::made(Instant now, std::optional<Artefact> artefact) {
  making_ = false;
  if (!artefact) {
    try_again_ = now + limits::kArtefactRetry;
    return;
  }
  artefact_ = artefact;
  in_use_until_ = now + limits::kArtefactHold;
  for (auto& [member, next] : next_offer_) next = now;
}

std::optional<Artefact> ArtefactOffers::offer_to(const NodeId& member, Instant now, Index base) {
  if (!is_of_use(base)) return std::nullopt;
  Instant& next = next_offer_[member];
  if (now < next) return std::nullopt;
  next = now + limits::kArtefactOfferInterval;
  in_use_until_ = now + limits::kArtefactHold;
  return artefact_;
}

void ArtefactOffers::fetched(const Artefact& artefact, Instant now) {
  if (artefact_ == artefact) in_use_until_ = now + limits::kArtefactHold;
}

std::vector<NodeId> ArtefactOffers::waiting() const {
  std::vector<NodeId> members;
  for (const auto& [member, next] : next_offer_) members.push_back(member);
  return members;
}

std::optional<Index> ArtefactOffers::held_after(Instant now) const {
  return artefact_ && !next_offer_.empty() && now < in_use_until_ ? std::optional(artefact_->index)
                                                                  : std::nullopt;
}

}  // namespace patronus
