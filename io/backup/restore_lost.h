// A cluster that is lost, back from what is off site: onto one empty data directory, from which a new cluster
// is founded.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "io/backup/target.h"
#include "io/storage/restore.h"

namespace patronus::backup {

struct RestoreLost {
  Source source;
  std::vector<NodeId> nodes;     // whose copies; empty: all there are, where the target can be listed
  std::optional<int64_t> at_ms;  // nothing: the latest
  std::string directory;         // PATRONUS_DATA_DIR of the node, empty
  NodeId founder;                // its id; empty: that of the node whose copy is taken
  std::string scratch;           // an empty directory with room for two databases and a state
  std::string litestream = "litestream";
  Incarnation incarnation;                           // of the new data directory
  ClusterId cluster;                                 // the new one
  std::function<void(const std::string& line)> say;  // what was found, a line each
};

struct RestoredLost {
  ClusterId lost;
  NodeId node;          // whose database it is
  Index index;          // of the database's last entry
  int64_t wall_ms = 0;  // and its time
  std::optional<Index>
      state;  // of the state artefact; nothing: there was none, and the keys of namespaces are gone
  SnapshotSummary summary;
};
// Nothing is written to the directory before all is found, checked and put together. The error is one line.
[[nodiscard]] std::variant<RestoredLost, std::string> restore_lost(const RestoreLost& wanted);

}  // namespace patronus::backup
