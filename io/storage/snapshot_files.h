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
[[nodiscard]] std::variant<SnapshotInfo, std::string> save_snapshot(Image& image,
                                                                    const std::string& directory,
                                                                    const std::function<bool()>& stop);
// The latest first.
[[nodiscard]] std::vector<SnapshotInfo> list_snapshots(const std::string& directory);
// The answer to a query, from the files that there are.
[[nodiscard]] SnapshotAnswer answer_query(const std::string& directory, const SnapshotQuery& query);

}  // namespace patronus
