// A snapshot that is read from its start to its end for a restore into the running cluster, a bounded part in
// each turn: first to learn what is in it and that it is what its name says, then once more for its keys.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "core/base/limits.h"
#include "core/snapshot.h"
#include "core/state/restore_source.h"

namespace patronus {

class SnapshotReading {
 public:
  // The bytes from that offset on, none at the end of the file; or a reason in words.
  struct Failed {
    std::string reason;
  };
  using ReadAt = std::function<std::variant<std::string, Failed>(uint64_t offset, size_t bytes_max)>;

  // `piece_rows_max`: of a piece to be staged.
  explicit SnapshotReading(size_t piece_rows_max = limits::kStagedPieceRowsMax)
      : piece_rows_max_(piece_rows_max) {}

  // Fills in the answer to a query of kind kCheck or kRows.
  void answer(const SnapshotQuery& query, const ReadAt& read, SnapshotAnswer& out);

 private:
  // The next piece; nothing at the end, or if the answer says why there is none.
  std::optional<RestoreSource::Piece> read_piece(const ReadAt& read, SnapshotAnswer& out);
  // Reads so much, or to the end; false if the answer says why that failed.
  bool go_on(const ReadAt& read, size_t bytes_max, SnapshotAnswer& out);

  size_t piece_rows_max_;
  SnapshotTask task_ = SnapshotTask::kList;
  std::string id_;
  std::unique_ptr<RestoreSource> source_;
  uint64_t at_ = 0;
  bool at_end_ = false;
  std::optional<RestoreSource::Piece> next_;  // read, and not given yet
};

}  // namespace patronus
