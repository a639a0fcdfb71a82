// Whether a node's log and the image of its state belong together. State is image plus log after it, so the
// log must reach from the image on, and be of the same history.
#pragma once

#include <string>

#include "core/raft/base.h"
#include "core/wal/recovery.h"

namespace patronus {

enum class BootVerdict : uint8_t {
  kFits,
  kLogLeftBehind,   // the image came from another node and holds more than the log: that begins anew after it
  kImageOfAnother,  // the image is of another data directory
  kImageAhead,      // the image holds what the log has lost: votes may be lost with it
  kGap,             // entries between image and log are missing
  kContradicts,     // image and log tell different histories
};

struct Judgement {
  BootVerdict verdict = BootVerdict::kFits;
  std::string reason;  // of anything but a fit
};

// What an image says of itself; all zero if there is none yet.
struct ImageOrigin {
  Incarnation incarnation;
  Base base;
  bool installed =
      false;  // it came from another node, and log and image have not been brought together since
};

// `recovered` is whole or torn, or empty: then there must be no image.
[[nodiscard]] Judgement judge_boot(const wal::Recovered& recovered, const ImageOrigin& image);

// A log that an installed image has left behind begins anew: in a segment after all those that there are,
// with the same promises, and nothing else. All entries go, also those that come after the image: they belong
// to another history than what is committed, or judge_boot() would have found that they fit. First the write
// is done, then the segments before it are removed in ascending order. A crash in between is no harm: what is
// left is judged in the same way.
[[nodiscard]] wal::Write begin_log_anew(const wal::Recovered& recovered, const Base& image,
                                        size_t segment_bytes);

}  // namespace patronus
