#include "core/sdwan/score.h"

#include <algorithm>
#include <cmath>

namespace patronus::sdwan {

uint8_t line_score(uint32_t latency_us, uint32_t jitter_us, uint32_t loss_ppm) {
  constexpr double kBest = 94.2;
  constexpr double kKnee = 177.3;  // ms, beyond which people begin to talk over each other
  constexpr uint32_t kAllLost = 1'000'000;
  if (loss_ppm >= kAllLost) return 0;
  const double delay = latency_us / 2000.0 + 2 * (jitter_us / 1000.0);
  const double by_delay = 0.024 * delay + 0.11 * std::max(0.0, delay - kKnee);
  const double by_loss = 30 * std::log1p(15.0 * loss_ppm / kAllLost);
  const double share = (kBest - by_delay - by_loss) / kBest;
  return static_cast<uint8_t>(std::lround(100 * std::clamp(share, 0.0, 1.0)));
}

}  // namespace patronus::sdwan
