// How long a write to the log takes of late: the median of the last few, so that one hiccup says nothing; or
// the age of the one under way, if that is more.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "core/base/time.h"

namespace patronus {

class DiskPace {
 public:
  static constexpr size_t kWrites = 8;
  static constexpr size_t kWritesMin = 4;  // fewer give a first impression, and no more

  void began(Instant now) { began_ = now; }
  void done(Duration took) {
    began_.reset();
    last_[count_ % kWrites] = std::max(took, Duration{0});
    ++count_;
    std::array<Duration, kWrites> sorted = last_;
    const size_t known = std::min(count_, kWrites);
    const auto middle = static_cast<std::ptrdiff_t>(known / 2);
    std::nth_element(sorted.begin(), sorted.begin() + middle,
                     sorted.begin() + static_cast<std::ptrdiff_t>(known));
    median_ = sorted[known / 2];
  }
  // 0: nothing was written yet.
  Duration pace(Instant now) const {
    return began_ && count_ > 0 ? std::max(median_, now - *began_) : median_;
  }
  // True if there were enough writes to call the disk slow.
  bool is_settled() const { return count_ >= kWritesMin; }

 private:
  std::array<Duration, kWrites> last_{};
  size_t count_ = 0;
  Duration median_{};
  std::optional<Instant> began_;
};

}  // namespace patronus
