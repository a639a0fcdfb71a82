// Every choice the world makes is one decision on a tape. A seed generates a tape; a tape that was kept is
// read again, and so can be edited: past its end, and where it asks for more than was offered, decisions are
// 0, which everywhere means the least eventful choice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/time.h"

namespace patronus::sim {

class Tape {
 public:
  static Tape from_seed(uint64_t seed) { return Tape(seed, {}, false); }
  static Tape from_decisions(std::vector<uint32_t> decisions) { return Tape(0, std::move(decisions), true); }

  // One of 0 .. bound-1.
  uint32_t choose(uint32_t bound);
  // True in `permille` of a thousand cases; decision 0 is false.
  bool chance(uint32_t permille) { return permille != 0 && choose(1000) >= 1000 - permille; }
  // From low to high in steps of a microsecond.
  Duration between(Duration low, Duration high);
  uint64_t word();

  const std::vector<uint32_t>& decisions() const { return decisions_; }

 private:
  Tape(uint64_t seed, std::vector<uint32_t> decisions, bool replay)
      : random_(seed), decisions_(std::move(decisions)), replay_(replay) {}

  Random random_;
  std::vector<uint32_t> decisions_;
  bool replay_;
  size_t at_ = 0;
};

// A text file: one decision a line. False, or nothing, if the file can't be written or read.
bool save_tape(const std::string& path, const std::vector<uint32_t>& decisions);
std::optional<std::vector<uint32_t>> load_tape(const std::string& path);

}  // namespace patronus::sim
