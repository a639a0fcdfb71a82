#include "sim/trace.h"

#include <array>
#include <cstdio>

namespace patronus::sim {

void Trace::line(Instant at, std::string_view who, std::string_view text) {
  if (keep_) recording_.notes.push_back({std::string(who), at, std::string(text)});
}

std::vector<std::string> Trace::lines() const {
  std::vector<std::string> lines;
  for (const Recording::Note& note : recording_.notes) {
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), "%12.6f ", static_cast<double>(note.at.ns) / 1e9);
    std::string line = time.data();
    line += note.who;
    line.append(note.who.size() < 8 ? 8 - note.who.size() : 1, ' ');
    line += note.text;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace patronus::sim
