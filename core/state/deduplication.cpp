#include "core/state/deduplication.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

uint64_t fact(char kind, Incarnation incarnation, uint64_t number) {
  char bytes[17];
  bytes[0] = kind;
  for (size_t i = 0; i < 8; ++i) {
    bytes[1 + i] = static_cast<char>((incarnation.value >> (8 * i)) & 0xff);
    bytes[9 + i] = static_cast<char>((number >> (8 * i)) & 0xff);
  }
  return hash64({bytes, sizeof(bytes)});
}

}  // namespace

Deduplication::Verdict Deduplication::note(const Origin& origin) {
  const auto at = windows_.find(origin.incarnation);
  if (at == windows_.end()) return Verdict::kRefused;
  Window& window = at->second;
  if (origin.sequence < window.floor || window.applied.contains(origin.sequence)) {
    return MUTANT(kNoDeduplication) ? Verdict::kFirst : Verdict::kRepeated;
  }
  if (origin.resolved_below > window.floor) {
    hash_ +=
        fact('f', origin.incarnation, origin.resolved_below) - fact('f', origin.incarnation, window.floor);
    window.floor = origin.resolved_below;
    while (!window.applied.empty() && *window.applied.begin() < window.floor) {
      hash_ -= fact('a', origin.incarnation, *window.applied.begin());
      window.applied.erase(window.applied.begin());
    }
  }
  if (origin.sequence - window.floor >= limits::kWritesInFlightMax) return Verdict::kRefused;
  window.applied.insert(origin.sequence);
  hash_ += fact('a', origin.incarnation, origin.sequence);
  return Verdict::kFirst;
}

void Deduplication::set_members(const Configuration& configuration) {
  const auto is_member = [&](Incarnation incarnation) {
    return std::any_of(configuration.members.begin(), configuration.members.end(),
                       [&](const Member& member) { return member.incarnation == incarnation; });
  };
  for (auto at = windows_.begin(); at != windows_.end();) {
    if (is_member(at->first)) {
      ++at;
      continue;
    }
    hash_ -= fact('f', at->first, at->second.floor);
    for (const uint64_t sequence : at->second.applied) hash_ -= fact('a', at->first, sequence);
    at = windows_.erase(at);
  }
  for (const Member& member : configuration.members) {
    if (windows_.try_emplace(member.incarnation).second) hash_ += fact('f', member.incarnation, 1);
  }
}

}  // namespace patronus
