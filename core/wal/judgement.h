// Whether a node's log and the image of its state belong together. State is image plus log after it, so the
// log must reach from the image on, and be of the same history.
#pragma once

#include <string>

#include "core/raft/base.h"
#include "core/wal/recovery.h"

namespace patronus {

enum class BootVerdict : uint8_t {
  kFits,
  kImageOfAnother,  // the image is of another data directory
  kImageAhead,      // the image holds what the log has lost: votes may be lost with it
  kGap,             // entries between image and log are missing
  kContradicts,     // image and log tell different histories
};

struct Judgement {
  BootVerdict verdict = BootVerdict::kFits;
  std::string reason;  // of anything but a fit
};

// `recovered` is whole or torn, or empty: then there must be no image. `image`: all zero if there is none
// yet.
[[nodiscard]] Judgement judge_boot(const wal::Recovered& recovered, Incarnation image_incarnation,
                                   const Base& image);

}  // namespace patronus
