// A snapshot on its way into a running cluster, as it travels through the log: what it holds is staged beside
// the state piece by piece, and then one entry makes the keys what was staged (core/state/staging.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/base/bytes.h"
#include "core/base/types.h"

namespace patronus {

// A restore begins, under an id of its own. Said again under the same id it changes nothing.
struct BeginRestoreOp {
  std::string id;
  Index snapshot;     // the artefact's index
  uint64_t hash = 0;  // and hash, which together name it
  ClusterId cluster;  // of the snapshot
  uint64_t rows = 0;  // that will be staged

  friend bool operator==(const BeginRestoreOp&, const BeginRestoreOp&) = default;
};
// The next rows (core/state/staged_rows.h), in ascending order over all pieces; these are counted from 1.
struct StageRowsOp {
  std::string id;
  uint64_t sequence = 0;
  Blob rows;

  friend bool operator==(const StageRowsOp&, const StageRowsOp&) = default;
};
// The keys become what was staged, if that is so many rows with that hash.
struct FinishRestoreOp {
  std::string id;
  uint64_t rows = 0;
  uint64_t hash = 0;  // chained over the rows
  bool end_sessions = true;

  friend bool operator==(const FinishRestoreOp&, const FinishRestoreOp&) = default;
};
// Drops some of what is staged; a restore that is not done is given up with that.
struct DropStagedOp {
  std::string id;
  bool only_if_idle = false;  // one that goes on is left alone

  friend bool operator==(const DropStagedOp&, const DropStagedOp&) = default;
};

using RestoreOp = std::variant<BeginRestoreOp, StageRowsOp, FinishRestoreOp, DropStagedOp>;

class Reader;
class Writer;
void encode(Writer& out, const RestoreOp& op);
// Refuses what is outside the limits through the reader.
[[nodiscard]] RestoreOp decode_restore_op(Reader& in);

}  // namespace patronus
