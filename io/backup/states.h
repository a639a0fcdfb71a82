// State artefacts beside what Litestream ships, at <target>/<cluster id>/<node id>/state/: the whole state as
// of one entry, with the keys of namespaces, which are not in the dashboard's database. Not at GCS.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/snapshot.h"
#include "io/backup/objects.h"

namespace patronus::backup {

// What the image of a running node's data directory holds, written to this file as an artefact, which is then
// read to its end. The image is of the last checkpoint, up to half a minute ago. To be called in a process of
// its own (Image::open_to_read). Nothing: the image is empty yet, or of another cluster. Else one line.
[[nodiscard]] std::variant<std::optional<SnapshotInfo>, std::string> write_state(
    const std::string& data_directory, const ClusterId& cluster, const std::string& file);

// Puts it there unless it is there already, and removes all but the latest `kept`. Nothing on success.
[[nodiscard]] std::optional<std::string> put_state(Objects& objects, const ClusterId& cluster,
                                                   const NodeId& node, const SnapshotInfo& state,
                                                   const std::string& file, size_t kept);

struct StateObject {
  std::string name;  // below the target
  Index index;
};
// Those of this node, the latest first.
[[nodiscard]] std::variant<std::vector<StateObject>, std::string> list_states(Objects& objects,
                                                                              const ClusterId& cluster,
                                                                              const NodeId& node);

}  // namespace patronus::backup
