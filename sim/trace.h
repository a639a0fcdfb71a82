// What happened, as lines for people and as a hash by which two runs of the same tape are compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "core/base/time.h"
#include "sim/recording.h"

namespace patronus::sim {

class Trace {
 public:
  explicit Trace(bool keep) : keep_(keep) {}

  // Notes numbers that any two equal runs share; cheap enough for every event.
  void fold(uint64_t what, uint64_t a, uint64_t b) {
    hash_ = (hash_ ^ what) * 0x9E3779B97F4A7C15ULL;
    hash_ = ((hash_ ^ (hash_ >> 29)) ^ a) * 0xBF58476D1CE4E5B9ULL;
    hash_ = ((hash_ ^ (hash_ >> 32)) ^ b) * 0x94D049BB133111EBULL;
  }
  bool keeps() const { return keep_; }
  // A line; callers build its text only if keeps().
  void line(Instant at, std::string_view who, std::string_view text);

  uint64_t hash() const { return hash_; }
  // The notes, as lines of text.
  std::vector<std::string> lines() const;
  // For whoever adds to it; only if keeps().
  Recording& recording() { return recording_; }
  const Recording& recording() const { return recording_; }

 private:
  bool keep_;
  uint64_t hash_ = 0;
  Recording recording_;
};

}  // namespace patronus::sim
