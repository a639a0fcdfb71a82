#include "sim/trace.h"

#include <array>
#include <cstdio>

namespace patronus::sim {

void Trace::line(Instant at, std::string_view who, std::string_view text) {
  if (!keep_) return;
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%12.6f ", static_cast<double>(at.ns) / 1e9);
  std::string line = time.data();
  line += who;
  line.append(who.size() < 8 ? 8 - who.size() : 1, ' ');
  line += text;
  lines_.push_back(std::move(line));
}

}  // namespace patronus::sim
