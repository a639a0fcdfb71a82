// Fetching an artefact: which parts to ask for, when to ask again, when to give up. Pure.
//
// States: nothing; fetching, with parts asked for and parts on their way to the disk, few at a time, so that
// they hold up nothing else on the link; stuck; whole. A part that does not come is asked for again; if none
// comes for a while it is stuck. An offer of the same artefact, also by another node, goes on with what is
// here; one of another artefact is heeded only by who is stuck or has nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/artefact.h"
#include "core/base/time.h"

namespace patronus {

class ArtefactFetch {
 public:
  // A leader offers it to this node, which has applied everything up to `applied`. True if something else was
  // done before.
  bool offered(const Artefact& artefact, const NodeId& by, Index applied, Instant now);

  bool under_way() const { return artefact_.has_value(); }
  const Artefact& artefact() const { return *artefact_; }
  const NodeId& source() const { return source_; }
  uint64_t bytes_kept() const { return kept_; }

  // Offsets of parts to ask the source for, now.
  [[nodiscard]] std::vector<uint64_t> due(Instant now);
  // A part came. True if it is one that was asked for, and is to be kept; that is answered by kept().
  [[nodiscard]] bool arrived(const Artefact& of, uint64_t offset, size_t bytes);
  void kept(uint64_t offset, Instant now);
  // All parts are on their way to the disk for good.
  bool is_whole() const { return artefact_ && kept_ == artefact_->bytes; }

  // It is of no more use, or can't be had; no other one is begun before this time.
  void give_up(Instant not_before);

  // When due() has something to say at the latest.
  Instant deadline() const;

 private:
  // Nothing has come for too long.
  bool is_stuck(Instant now);
  uint64_t part_bytes(uint64_t offset) const;

  std::optional<Artefact> artefact_;
  NodeId source_;
  uint64_t next_ = 0;                  // what was never asked for begins here
  std::map<uint64_t, Instant> asked_;  // by offset, when
  std::set<uint64_t> keeping_;
  uint64_t kept_ = 0;
  Instant progress_at_;
  bool stuck_ = false;
  Instant not_before_;
};

}  // namespace patronus
