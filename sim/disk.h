// A node's disk: segments whose last write may not be synced yet. A crash keeps any subset of that write's
// sectors. It also knows, by reading the batches itself, which entries are really on disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/wal/recovery.h"
#include "sim/tape.h"

namespace patronus::sim {

class Disk {
 public:
  // Takes a write; it is not durable before synced().
  void write(wal::Write write);
  void synced();
  bool busy() const { return pending_.has_value(); }

  // Power is cut: of the write under way each sector is there or not. Says how many sectors were lost.
  size_t crash(Tape& tape);
  void wipe();

  // What recovery makes of it; a tear is cut, as the production shell does.
  wal::Recovered recover();
  // Makes an empty disk a data directory.
  void create(Incarnation incarnation);

  // The terms of the entries that are on disk, from index 1; the checkers' own truth about durability.
  const std::vector<Term>& durable_terms() const { return durable_; }
  // Those that were on it, as the data directory of this incarnation, when it was wiped.
  const std::vector<Term>& wiped_terms(Incarnation incarnation) { return wiped_[incarnation]; }
  // Whom the data directory of this incarnation, here now or before it was wiped, gave its vote in each term.
  const std::map<Term, NodeId>& votes(Incarnation incarnation) { return votes_[incarnation]; }
  Incarnation incarnation() const { return incarnation_; }

 private:
  void put(uint64_t segment, uint64_t offset, std::string_view bytes);
  void read_back(const wal::Write& write);

  std::map<uint64_t, std::string> segments_;
  std::optional<wal::Write> pending_;
  std::vector<Term> durable_;
  std::map<Incarnation, std::vector<Term>> wiped_;
  std::map<Incarnation, std::map<Term, NodeId>> votes_;
  Incarnation incarnation_;
};

}  // namespace patronus::sim
