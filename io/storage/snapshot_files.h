// Snapshots as files of a data directory, in snapshots/: the latest limits::kSnapshotsKept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/snapshot.h"
#include "io/storage/image.h"

namespace patronus {

// Writes what the image holds, durably, and then removes those that are too many. Else what went wrong.
[[nodiscard]] std::variant<SnapshotInfo, ImageError> save_snapshot(Image& image, const std::string& directory,
                                                                   const std::function<bool()>& stop);
// The latest first.
[[nodiscard]] std::vector<SnapshotInfo> list_snapshots(const std::string& directory);
// Where they are, and one of them.
[[nodiscard]] std::string snapshots_place(const std::string& directory);
[[nodiscard]] std::string snapshot_path(const std::string& directory, const std::string& id);
[[nodiscard]] std::optional<SnapshotInfo> find_snapshot(const std::string& directory, const std::string& id);
// Gives a file of that place, which is on disk, the name of a snapshot, durably, and then removes those that
// are too many. Nothing on success, else what went wrong.
[[nodiscard]] std::optional<std::string> keep_snapshot(const std::string& directory, const std::string& path,
                                                       const std::string& id);
// The answer to a query for a list or a part, from the files that there are.
[[nodiscard]] SnapshotAnswer answer_query(const std::string& directory, const SnapshotQuery& query);

}  // namespace patronus
