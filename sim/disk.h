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
  void keep_artefact(Arrived arrived) { content_.arrived = std::move(arrived); }
  const std::optional<Arrived>& artefact() const { return content_.arrived; }

  // Damages it as no crash does: of the log what was synced before other batches, or of the image.
  void damage(Track& tape);
  bool is_damaged() const { return content_.damaged; }
  // A bit of the image turns over while the node runs: it reads that only when it makes a copy, or begins
  // anew. False: the image is empty.
  bool rot(Track& tape);
  // A node has begun from it, so that what was damaged is of no account.
  void trust() { content_.damaged = false; }
  // All of it goes, and a note says to which cluster it belonged.
  void set_aside(const ClusterId& cluster);
  const std::optional<ClusterId>& note() const { return content_.note; }
  void forget_note() { content_.note.reset(); }

  // Keeps a copy of what is durable now, in the place of the last one.
  void copy();
  // The lives that are on the copy; nothing: there is none.
  std::optional<Lives> copied_lives() const;
  // It is put in the place of what is there, once.
  void roll_back();
  bool is_rolled_back() const { return rolled_back_; }
  // What is known on it of another's lives; life 0: nothing.
  DiskLife known_life(Incarnation of) const;

  // Power is cut: of the write under way each sector is there or not. Says how many sectors were lost.
  size_t crash(Track& tape);
  void wipe();

  // True if its log says which cluster it is of: so long as one such disk is left, nobody may found another
  // cluster.
  bool is_of_a_cluster() const;
  // What recovery makes of it; a tear is cut, as the production shell does.
  wal::Recovered recover();
  // What the image holds: rows by key, and of what.
  struct Image {
    Incarnation incarnation;
    CheckpointEnd end;
    std::map<std::string, std::string> rows;
    bool installed = false;
  };
  const Image& image() const { return content_.image; }
  // The artefact that arrived becomes the image; or is of no use.
  void install(Image image);
  void drop_artefact() { content_.arrived.reset(); }
  // The log begins anew with this write, which is durable.
  void begin_anew(const wal::Write& first);
  // Image and log have been brought together.
  void settle();
  size_t segments() const { return content_.segments.size(); }
  // Makes an empty disk a data directory.
  void create(Incarnation incarnation);

  // The terms of the entries that are on disk, from index 1; the checkers' own truth about durability.
  const std::vector<Term>& durable_terms() const { return content_.durable; }
  // Those that were on it, as the data directory of this incarnation, when it was wiped or rolled back.
  const std::vector<Term>& wiped_terms(Incarnation incarnation) { return wiped_[incarnation]; }
  // Whom the data directory of this incarnation, here now or before it was wiped, gave its vote in each term.
  const std::map<Term, NodeId>& votes(Incarnation incarnation) { return votes_[incarnation]; }
  Incarnation incarnation() const { return incarnation_; }

 private:
  void put(uint64_t segment, uint64_t offset, std::string_view bytes);
  void read_back(const wal::Write& write);
  std::vector<wal::SegmentBytes> segment_views() const;

  // What a copy has of it.
  struct Content {
    std::map<uint64_t, std::string> segments;
    Image image;
    std::optional<Arrived> arrived;
    std::optional<ClusterId> note;
    std::vector<Term> durable;
    std::vector<Term> installed_terms;
    Lives lives;
    bool damaged = false;
  };

  Content content_;
  std::optional<Content> copy_;
  std::optional<wal::Write> pending_;
  std::vector<Row> gathered_;  // of the checkpoint under way
  bool anew_ = false;          // which is all that there will be
  std::optional<CheckpointEnd> commit_;
  bool rolled_back_ = false;
  std::map<Incarnation, std::vector<Term>> wiped_;
  std::map<Incarnation, std::map<Term, NodeId>> votes_;
  Incarnation incarnation_;
};

}  // namespace patronus::sim
