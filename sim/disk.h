// A node's disk: segments whose last write may not be synced yet, and the image of the state. A crash keeps
// any subset of that write's sectors; of a checkpoint that is being committed it keeps all or nothing. It
// also knows, by reading the batches itself, which entries are really on disk, or were before they were cut.
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

  // A step of removing segments that are needed no longer: the first one goes. False: there is nothing to
  // remove.
  bool remove_one(uint64_t first_kept);

  // Takes a piece of a checkpoint. Nothing of it is durable before checkpointed(), after the last one.
  void take(Checkpoint&& piece);
  void checkpointed();
  bool commits() const { return commit_.has_value(); }

  // The whole state as it came from another node, and what was on its disk of the log behind it. Durable.
  struct Arrived {
    std::string bytes;
    std::vector<Term> terms;
  };
  void keep_artefact(Arrived arrived) { arrived_ = std::move(arrived); }
  const std::optional<Arrived>& artefact() const { return arrived_; }

  // Damages it as no crash does: of the log what was synced before other batches, or of the image.
  void damage(Track& tape);
  bool is_damaged() const { return damaged_; }
  // A node has begun from it, so that what was damaged is of no account.
  void trust() { damaged_ = false; }
  // All of it goes, and a note says to which cluster it belonged.
  void set_aside(const ClusterId& cluster);
  const std::optional<ClusterId>& note() const { return note_; }
  void forget_note() { note_.reset(); }

  // Power is cut: of the write under way each sector is there or not. Says how many sectors were lost.
  size_t crash(Track& tape);
  void wipe();

  // What recovery makes of it; a tear is cut, as the production shell does.
  wal::Recovered recover();
  // What the image holds: rows by key, and of what.
  struct Image {
    Incarnation incarnation;
    CheckpointEnd end;
    std::map<std::string, std::string> rows;
    bool installed = false;
  };
  const Image& image() const { return image_; }
  // The artefact that arrived becomes the image; or is of no use.
  void install(Image image);
  void drop_artefact() { arrived_.reset(); }
  // The log begins anew with this write, which is durable.
  void begin_anew(const wal::Write& first);
  // Image and log have been brought together.
  void settle();
  size_t segments() const { return segments_.size(); }
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
  Image image_;
  std::vector<Row> gathered_;  // of the checkpoint under way
  std::optional<CheckpointEnd> commit_;
  std::vector<Term> durable_;
  std::optional<Arrived> arrived_;
  bool damaged_ = false;
  std::optional<ClusterId> note_;
  std::vector<Term> installed_terms_;
  std::map<Incarnation, std::vector<Term>> wiped_;
  std::map<Incarnation, std::map<Term, NodeId>> votes_;
  Incarnation incarnation_;
};

}  // namespace patronus::sim
