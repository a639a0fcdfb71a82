// A leader's side of giving the whole state to members whose log ends before its own begins: when an artefact
// is made, to whom it is offered, and how long the entries after it are kept for who begins again from it.
// Pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/artefact.h"
#include "core/base/time.h"

namespace patronus {

class ArtefactOffers {
 public:
  // True if one shall be made now: none is being made, and there is none after which the log, which begins
  // after `base`, goes on. It must be answered by made().
  [[nodiscard]] bool begin_making(Instant now, Index base);
  // What became of it; nothing if it could not be made.
  void made(Instant now, std::optional<Artefact> artefact);

  // The artefact, if there is one of use and it is time to tell this member of it (again).
  [[nodiscard]] std::optional<Artefact> offer_to(const NodeId& member, Instant now, Index base);

  // Somebody asked for a part of it.
  void fetched(const Artefact& artefact, Instant now);

  // The member has begun again from it and caught up, or it is no member any more.
  void done(const NodeId& member) { next_offer_.erase(member); }
  // Whom it was offered, and who has not got so far yet.
  std::vector<NodeId> waiting() const;

  // Entries after this one are kept: somebody fetches the state, or has fetched it and is about to be back.
  std::optional<Index> held_after(Instant now) const;

 private:
  bool is_of_use(Index base) const { return artefact_ && artefact_->index >= base; }

  std::optional<Artefact> artefact_;
  bool making_ = false;
  Instant try_again_;
  Instant in_use_until_;
  std::map<NodeId, Instant> next_offer_;
};

}  // namespace patronus
