// A snapshot: the whole state as of one index, kept by a node as a file for whoever wants to take it
// elsewhere. It has the form of an artefact (core/state/artefact_format.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"

namespace patronus {

struct SnapshotInfo {
  std::string id;  // index and hash: the same state has the same id on every node
  Index index;
  uint64_t bytes = 0;
  WallTime made;

  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

// With an id: the part of it that begins at the offset, at most kSnapshotPartBytes. Without: which there are.
struct SnapshotQuery {
  uint64_t ticket = 0;
  std::string id;
  uint64_t offset = 0;
};
// To a query, or to the wish for a new one.
struct SnapshotAnswer {
  uint64_t ticket = 0;
  std::vector<SnapshotInfo> found;  // none: there is no such snapshot
  std::string bytes;
  std::string failure;  // why nothing of it could be done, for whoever asked
};

}  // namespace patronus
