// Every choice the world makes is one decision on a tape. A tape has a track for each part of the world, so
// that what is changed on one leaves the others as they are. A seed generates a tape; a tape that was kept is
// read again, and so can be edited: past a track's end decisions are 0, which everywhere means the least
// eventful choice; and what is too large for what it decides counts by its remainder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/time.h"

namespace patronus::sim {

// By the track's name.
using Decisions = std::map<std::string, std::vector<uint32_t>>;

class Track {
 public:
  explicit Track(uint64_t seed) : random_(seed) {}
  explicit Track(std::vector<uint32_t> decisions)
      : random_(0), decisions_(std::move(decisions)), replays_(true) {}

  // One of 0 .. bound-1.
  uint32_t choose(uint32_t bound);
  // True in `permille` of a thousand cases; decision 0 is false.
  bool chance(uint32_t permille) { return permille != 0 && choose(1000) >= 1000 - permille; }
  // From low to high in steps of a microsecond; decision 0 is low.
  Duration between(Duration low, Duration high);
  // The same for what is better rare: decision 0 is high.
  Duration pause(Duration low, Duration high) { return low + (high - between(low, high)); }
  uint64_t word();

  // Those that were asked for.
  std::vector<uint32_t> decisions() const;
  // How many were asked for, also beyond what a tape offers.
  size_t asked() const { return replays_ ? at_ : decisions_.size(); }

 private:
  Random random_;
  std::vector<uint32_t> decisions_;
  bool replays_ = false;
  size_t at_ = 0;
};

class Tape {
 public:
  // But for the tracks that are given.
  static Tape from_seed(uint64_t seed, Decisions given = {});
  // Tracks that are not there say nothing; or what a seed generates, if there is a track "seed" whose first
  // decision it is.
  static Tape from_decisions(Decisions decisions);

  // Lives as long as the tape, also when that is moved.
  Track& track(const std::string& name);
  // One that no seed generates: what is given for it, or 0.
  Track& given(const std::string& name);
  // Those that were asked for so far: what a tape that is read again offers beyond them has no part in the
  // run.
  Decisions decisions() const;
  // How many were asked for of each track.
  std::map<std::string, size_t> asked() const;

 private:
  bool replays_ = false;
  uint64_t seed_ = 0;
  Decisions given_;
  std::map<std::string, std::unique_ptr<Track>> tracks_;
};

// Decisions other than 0.
[[nodiscard]] size_t count(const Decisions& decisions);

// A tape as text: track, place and decision in each line, without those that are 0. Nothing if it is none.
[[nodiscard]] std::string encode_tape(const Decisions& decisions);
[[nodiscard]] std::optional<Decisions> decode_tape(const std::string& text);
// The same in a file. False, or nothing, if that can't be written or read.
[[nodiscard]] bool save_tape(const std::string& path, const Decisions& decisions);
[[nodiscard]] std::optional<Decisions> load_tape(const std::string& path);

}  // namespace patronus::sim
