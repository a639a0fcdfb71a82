// What is to be restored into the running cluster, part of the replicated state: the keys of a snapshot,
// staged beside the state and without effect on it, until one entry makes the keys what was staged
// (Store::become_staged). Nothing outside the log decides, so a node that restarts, or is given the state,
// needs no file to apply that entry.
//
// There is at most one. One that nobody goes on with is given up, by stamps; what was staged is dropped a
// bounded number of pieces at a time. What became of the last one stays, for whoever asks.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/raft/entry.h"
#include "core/state/changes.h"
#include "core/state/command.h"
#include "core/state/staged_rows.h"

namespace patronus {

enum class RestoreStage : uint8_t { kStaging = 1, kDone = 2, kGivenUp = 3 };

struct RestoreCounts {
  uint64_t put = 0;
  uint64_t deleted = 0;
  uint64_t unchanged = 0;
  uint64_t sessions_ended = 0;

  friend bool operator==(const RestoreCounts&, const RestoreCounts&) = default;
};

// The restore under way, or the last one.
struct Restoration {
  BeginRestoreOp begun;
  std::string by;  // the user; empty: the system itself
  Index since;
  int64_t began_wall_ms = 0;
  int64_t stepped_lease_ms = 0;  // of the last step
  RestoreStage stage = RestoreStage::kStaging;
  uint64_t first_piece = 1;  // of those that are kept
  uint64_t next_piece = 1;   // that is expected
  uint64_t rows = 0;         // that were staged
  uint64_t hash = 0;         // of them
  Index revision;            // that restored them
  int64_t ended_wall_ms = 0;
  RestoreCounts counts;
};

class Staging {
 public:
  // All but Finish. kRestoreUnderWay: another one is alive. kRestoreLeft: something of a former one is still
  // to be dropped, and a part of it was; begin again. kOutOfOrder: not the next piece. kRestoreOver: it was
  // given up, or is done. kNotFound: there is none of that id. The number: of the piece that is expected, or
  // of those that are left.
  WriteResult apply(const RestoreOp& op, const std::string& by, Index at, const Stamp& stamp);
  // kOk: the keys may become what was staged. kMismatch: it is not what was to be staged. Others as above.
  [[nodiscard]] Outcome may_finish(const FinishRestoreOp& op) const;
  void finish(Index at, const Stamp& stamp, const RestoreCounts& counts);

  const std::optional<Restoration>& last() const { return last_; }
  // The rows in their order, in pieces.
  const std::deque<Blob>& pieces() const { return pieces_; }
  // What the staged rows take as keys.
  uint64_t cost() const { return sum_.cost; }
  size_t bytes() const { return bytes_; }
  uint64_t hash() const { return hash_; }

  // Nothing has been heard of it for limits::kRestoreIdle.
  bool is_idle(const Stamp& stamp) const;
  // It is over, and there is something left of it.
  bool is_to_be_dropped() const {
    return last_ && last_->stage != RestoreStage::kStaging && !pieces_.empty();
  }

  // Rows (staging_rows.cpp): one for what is known of the restore, one for each piece.
  Changes& changes() { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);
  // When all rows are there: why they do not fit together, or nothing.
  [[nodiscard]] std::optional<std::string> fault() const;

 private:
  Outcome begin(const BeginRestoreOp& op, const std::string& by, Index at, const Stamp& stamp);
  Outcome stage(const StageRowsOp& op, const Stamp& stamp);
  Outcome drop(const DropStagedOp& op, const Stamp& stamp);
  void drop_some();
  void add_piece(Blob piece);
  void touch_last();
  void touch_piece(uint64_t sequence);
  // Whatever changed in what is known: the hash follows.
  void changed();

  std::optional<Restoration> last_;
  StagedSum sum_;
  std::deque<Blob> pieces_;  // from first_piece
  size_t bytes_ = 0;         // of pieces
  uint64_t pieces_hash_ = 0;
  uint64_t hash_ = 0;
  Changes changes_;
};

}  // namespace patronus
