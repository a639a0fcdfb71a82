#include "core/state/deduplication.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

// One fact about a window, of which the hash is the sum: its floor, or a number at or above it.
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
  if (!MUTANT(kForgetWindowRow)) touch(origin.incarnation);
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
    touch(at->first);
    hash_ -= fact('f', at->first, at->second.floor);
    for (const uint64_t sequence : at->second.applied) hash_ -= fact('a', at->first, sequence);
    at = windows_.erase(at);
  }
  for (const Member& member : configuration.members) {
    if (windows_.contains(member.incarnation)) continue;
    touch(member.incarnation);
    windows_.emplace(member.incarnation, Window{});
    hash_ += fact('f', member.incarnation, 1);
  }
}

RowValue Deduplication::encoded(const Window& window) {
  RowValue value;
  Writer out(value.head);
  out.u64(window.floor);
  out.u32(static_cast<uint32_t>(window.applied.size()));
  for (const uint64_t sequence : window.applied) out.u64(sequence);
  return value;
}

void Deduplication::for_each_row(const RowVisitor& visit) const {
  for (const auto& [incarnation, window] : windows_)
    visit(row_key(RowKind::kWindow, incarnation.value), encoded(window));
}

std::optional<RowValue> Deduplication::row(std::string_view key) const {
  const auto at = windows_.find(Incarnation{row_number(key).value_or(0)});
  if (at == windows_.end()) return std::nullopt;
  return encoded(at->second);
}

std::optional<std::string> Deduplication::load_row(std::string_view key, std::string_view value) {
  const std::optional<uint64_t> incarnation = row_number(key);
  Reader in(value);
  Window window;
  window.floor = in.u64();
  const size_t count = in.count(limits::kWritesInFlightMax, 8);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t sequence = in.u64();
    const bool fits = sequence >= window.floor && sequence - window.floor < limits::kWritesInFlightMax &&
                      (window.applied.empty() || *window.applied.rbegin() < sequence);
    if (!fits) in.fail();
    window.applied.insert(window.applied.end(), sequence);
  }
  if (!incarnation || *incarnation == 0 || !in.done() || window.floor == 0)
    return "a deduplication window makes no sense";
  if (windows_.size() >= limits::kWindowsMax) return "there are too many deduplication windows";
  hash_ += fact('f', Incarnation{*incarnation}, window.floor);
  for (const uint64_t sequence : window.applied) hash_ += fact('a', Incarnation{*incarnation}, sequence);
  windows_.emplace(Incarnation{*incarnation}, std::move(window));
  return std::nullopt;
}

}  // namespace patronus
