// From the image and the log to the state a node begins with. Used by one thread, before the node starts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "core/state/store.h"
#include "core/wal/judgement.h"
#include "io/storage/image.h"
#include "io/storage/log_directory.h"

namespace patronus {

struct LoadedState {
  Image image;
  Store store;
};

// Why there is none.
struct StateFault {
  enum class Kind : uint8_t {
    kUnreadable,  // the disk, not the image; or a later version has written it
    kDamaged,     // the image is not one that was written here, or not whole
    kMisfit,      // it does not belong to this log: see the verdict
  };
  Kind kind = Kind::kUnreadable;
  BootVerdict verdict = BootVerdict::kFits;
  std::string reason;
};

// Called now and then with how many rows of how many were read.
using LoadProgress = std::function<void(uint64_t read, uint64_t all)>;

// Opens or creates the image of a data directory and builds the state that it holds; an empty one without an
// image. The state's hash is the one that it had, and the log that was recovered goes on from there: one that
// an image from another node has left behind begins anew.
[[nodiscard]] std::variant<LoadedState, StateFault> load_state(LogDirectory& directory, size_t map_bytes,
                                                               const LoadProgress& progress);

// Where the image of a data directory is.
[[nodiscard]] std::string image_path(const std::string& directory);

}  // namespace patronus
