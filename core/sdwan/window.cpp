#include "core/sdwan/window.h"

#include <algorithm>

#include "core/base/assert.h"

namespace patronus::sdwan {

void ProbeWindow::answered(uint64_t rtt_us) {
  const auto rtt = static_cast<uint32_t>(std::clamp<uint64_t>(rtt_us, 1, UINT32_MAX));
  // After a window without a single answer it begins anew: what was before says nothing of now.
  if (answers_ == 0) last_us_ = 0;
  if (last_us_ == 0) {
    smoothed_x8_ = uint64_t{rtt} * 8;
    jitter_x16_ = 0;
  } else {
    const uint64_t difference = std::max(rtt, last_us_) - std::min(rtt, last_us_);
    smoothed_x8_ = smoothed_x8_ - smoothed_x8_ / 8 + rtt;
    // As RFC 3550, appendix A.8, writes it, with its rounding.
    jitter_x16_ = jitter_x16_ - (jitter_x16_ + 8) / 16 + difference;
  }
  last_us_ = rtt;
  put(rtt);
}

void ProbeWindow::lost() { put(0); }

void ProbeWindow::put(uint32_t outcome) {
  if (is_full()) {
    if (outcomes_[next_] != 0) --answers_;
  } else {
    ++size_;
  }
  outcomes_[next_] = outcome;
  next_ = (next_ + 1) % outcomes_.size();
  if (outcome != 0) ++answers_;
}

uint32_t ProbeWindow::loss_ppm() const {
  return size_ == 0 ? 0 : static_cast<uint32_t>((size_ - answers_) * 1'000'000 / size_);
}

uint32_t ProbeWindow::percentile_us(uint32_t percent) const {
  PATRONUS_ASSERT(percent >= 1 && percent <= 100, "a percentile is one of a hundred");
  std::array<uint32_t, limits::kProbeWindow> times{};
  const auto end = std::copy_if(outcomes_.begin(), outcomes_.begin() + static_cast<std::ptrdiff_t>(size_),
                                times.begin(), [](uint32_t outcome) { return outcome != 0; });
  if (end == times.begin()) return 0;
  const size_t rank = (answers_ * percent + 99) / 100;
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(times.begin(), at, end);
  return *at;
}

}  // namespace patronus::sdwan
