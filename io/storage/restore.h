// A snapshot that somebody has: what is in it, and a data directory that begins from it, as a new cluster.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/artefact.h"
#include "core/base/types.h"
#include "io/storage/restore_merge.h"

namespace patronus {

struct SnapshotSummary {
  Artefact artefact;
  ClusterId cluster;
  Term term;
  size_t keys = 0;
  size_t users = 0;
  size_t sessions = 0;
  size_t sites = 0;
  size_t policies = 0;
  bool has_tables = false;  // otherwise it is from before there were sites and policies
};

// Reads the file to its end and builds the state from it, as a restore would; the error is one line for the
// operator.
[[nodiscard]] std::variant<SnapshotSummary, std::string> check_snapshot(const std::string& file);

struct RestoreOptions {
  std::string file;
  std::string directory;  // must be empty, or not be there
  bool keep_sessions =
      false;                // otherwise all end: one that was revoked since would come back with the others
  Incarnation incarnation;  // of the new data directory
  ClusterId cluster;        // the new one
};
// Nothing of an incomplete one is taken for more than it is: the note that lets it found a cluster is written
// last.
[[nodiscard]] std::variant<SnapshotSummary, std::string> restore_snapshot(const RestoreOptions& options);

// The same from what the dashboard's database held and, if `options.file` names one, a state artefact that is
// not of a later entry (restore_merge.h). Sessions end. `founder` is the node's id.
[[nodiscard]] std::variant<SnapshotSummary, std::string> restore_database(DatabaseContent&& database,
                                                                          const NodeId& founder,
                                                                          const RestoreOptions& options);

}  // namespace patronus
