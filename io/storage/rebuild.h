// What becomes of a data directory that can't be trusted: everything in it is set aside, never deleted, and
// the node begins as one that has nothing, which the others of its cluster fill. A note in the directory says
// so until that has come true, so that such a node is never taken for an empty one that may found a cluster.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/base/types.h"

namespace patronus {

// What the note says.
struct RebuildNote {
  ClusterId cluster;  // to which the node belonged; zero: not known
};

// Reads the note, after finishing what a crash has interrupted. Before anything else in the directory is
// read. The error is one line for the operator.
[[nodiscard]] std::variant<std::optional<RebuildNote>, std::string> read_rebuild_note(
    const std::string& directory);

// Makes a directory that is empty one that waits to be filled by that cluster, and by no other.
[[nodiscard]] std::optional<std::string> write_rebuild_note(const std::string& directory,
                                                            const RebuildNote& note);

// What was set aside, by the name of its directory inside the data directory; or why it was not.
struct AsideResult {
  std::string name;
  std::string failure;
};
// Sets all of it aside. When it is done, and also if power fails on the way, the directory is one that waits
// to be filled. Refused once limits::kAsideMax are there.
[[nodiscard]] AsideResult set_aside(const std::string& directory, const ClusterId& cluster);
// The image alone, where the log has everything.
[[nodiscard]] AsideResult set_image_aside(const std::string& directory);

// The node has been taken in.
[[nodiscard]] std::optional<std::string> remove_rebuild_note(const std::string& directory);

}  // namespace patronus
