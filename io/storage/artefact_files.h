// Artefacts as files of a data directory: one that was made here, for others to fetch; one that is being
// fetched; and one that has arrived whole and becomes the image at the next start. Used by one thread at a
// time each.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "core/artefact.h"
#include "io/storage/image.h"
#include "io/storage/load_state.h"

namespace patronus {

struct ArtefactPaths {
  std::string made;
  std::string incoming;
  std::string arrived;
};
[[nodiscard]] ArtefactPaths artefact_paths(const std::string& directory);

// Writes what the image holds, if that is the state that was written to it: who begins from a copy, or goes
// back to one, has nothing to compare it with. The file replaces the one before once it is whole; it is not
// made durable, since it can be made again. `stop` ends it early. The error is kDamaged if it is the image
// that is at fault, and kFailed otherwise.
[[nodiscard]] std::variant<Artefact, ImageError> write_artefact(Image& image, const std::string& path,
                                                                const std::function<bool()>& stop);

// Before a node starts: removes what a former process had made or not fetched whole, and makes an artefact
// that has arrived the image, after it has been read to its end and found to be the state that it says. The
// old image is replaced in one step. What is not of this cluster, or older than the image, or damaged, or
// what there is no room for, is removed, and said through `complain`.
struct Arrival {
  std::string error;     // one line for the operator, of the disk; empty: the node may go on
  bool refused = false;  // it is of no use here, and would be none if it were fetched again at once
};
// `must`: there is nothing else to begin from, so that what can't be used stays, and is an error.
[[nodiscard]] Arrival install_arrived(const std::string& directory, Incarnation incarnation,
                                      const ClusterId& cluster, bool must, size_t map_bytes,
                                      const LoadProgress& progress,
                                      const std::function<void(const std::string&)>& complain);

}  // namespace patronus
