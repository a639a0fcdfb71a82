#include "sim/tape.h"

#include <fstream>

namespace patronus::sim {

uint32_t Tape::choose(uint32_t bound) {
  if (bound <= 1) return 0;
  if (replay_) {
    const uint32_t decision = at_ < decisions_.size() ? decisions_[at_] : 0;
    ++at_;
    return decision < bound ? decision : 0;
  }
  const auto decision = static_cast<uint32_t>(random_.below(bound));
  decisions_.push_back(decision);
  return decision;
}

Duration Tape::between(Duration low, Duration high) {
  const auto steps = static_cast<uint32_t>((high - low).count() / 1000);
  return low + Duration{int64_t{choose(steps + 1)} * 1000};
}

uint64_t Tape::word() {
  const uint64_t high = choose(UINT32_MAX);
  return (high << 32) | choose(UINT32_MAX);
}

bool save_tape(const std::string& path, const std::vector<uint32_t>& decisions) {
  std::ofstream out(path);
  for (const uint32_t decision : decisions) out << decision << '\n';
  return static_cast<bool>(out.flush());
}

std::optional<std::vector<uint32_t>> load_tape(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::vector<uint32_t> decisions;
  for (uint32_t decision = 0; in >> decision;) decisions.push_back(decision);
  if (!in.eof()) return std::nullopt;
  return decisions;
}

}  // namespace patronus::sim
