// An artefact: the whole replicated state as of one index, as the file in which it goes from node to node.
// The same state gives the same bytes on every node.
#pragma once

#include <cstdint>

#include "core/base/types.h"

namespace patronus {

// Names one by what is in it.
struct Artefact {
  Index index;        // of the last entry that is in the state
  uint64_t hash = 0;  // of the file's content (core/state/artefact_format.h)
  uint64_t bytes = 0;

  friend bool operator==(const Artefact&, const Artefact&) = default;
};

}  // namespace patronus
