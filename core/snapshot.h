// A snapshot: the whole state as of one index, kept by a node as a file for whoever wants to take it
// elsewhere. It has the form of an artefact (core/state/artefact_format.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/artefact.h"
#include "core/base/time.h"
#include "core/base/types.h"

namespace patronus {

// Its name: index and hash, so that the same state has the same name on every node.
[[nodiscard]] std::string snapshot_id(const Artefact& artefact);
// The index in such a name; nothing if it is none.
[[nodiscard]] std::optional<Index> index_in_snapshot_id(std::string_view id);
[[nodiscard]] inline bool is_snapshot_id(std::string_view id) { return index_in_snapshot_id(id).has_value(); }

struct SnapshotInfo {
  std::string id;
  Index index;
  uint64_t bytes = 0;
  WallTime made;

  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

// What a restore into a running cluster has to know of one.
struct SnapshotContent {
  Artefact artefact;
  ClusterId cluster;
  uint64_t keys = 0;
  uint64_t sites = 0;
  uint64_t policies = 0;
  bool has_tables = false;  // otherwise it says nothing of sites and policies
  uint64_t rows = 0;        // that are to be staged for all of these
  uint64_t rows_hash = 0;   // as they are staged (core/state/staged_rows.h)
  int64_t wall_ms = 0;      // the cluster's time, as of the last entry in it

  friend bool operator==(const SnapshotContent&, const SnapshotContent&) = default;
};

enum class SnapshotTask : uint8_t {
  kList,   // which there are
  kPart,   // the part of one that begins at the offset, at most kSnapshotPartBytes
  kCheck,  // what is in one, read to its end in as many queries as it takes, from the start or on from the
           // last
  kRows,   // the next piece of its rows to be staged, in the same way
  kKeep,   // write a part of one that is brought here; complete once its content fits its name
};

struct SnapshotQuery {
  uint64_t ticket = 0;
  SnapshotTask task = SnapshotTask::kList;
  std::string id;
  uint64_t offset = 0;
  bool from_start = false;
  std::string bytes;
};
// To a query, or to the wish for a new one.
struct SnapshotAnswer {
  uint64_t ticket = 0;
  std::vector<SnapshotInfo> found;  // none: there is no such snapshot
  std::string bytes;
  std::string failure;          // why nothing of it could be done, for whoever asked
  std::string damage;           // what is wrong with the snapshot itself
  bool at_end = false;          // it was read, or is there, to its end
  uint64_t rows = 0;            // in the bytes
  uint64_t wanted = 0;          // of one that is brought here: the offset of the part that comes next
  bool is_out_of_step = false;  // and that was not it
  std::optional<SnapshotContent> content;
};

}  // namespace patronus
