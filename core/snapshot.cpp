#include "core/snapshot.h"

#include <algorithm>

#include "core/base/limits.h"

namespace patronus {

std::string snapshot_id(const Artefact& artefact) {
  return std::to_string(artefact.index.value) + "-" + to_hex(artefact.hash);
}

std::optional<Index> index_in_snapshot_id(std::string_view id) {
  const size_t dash = id.find('-');
  if (dash == 0 || dash == std::string_view::npos || id.size() != dash + 17 || id.front() == '0')
    return std::nullopt;
  uint64_t index = 0;
  for (const char c : id.substr(0, dash)) {
    if (c < '0' || c > '9' || index > limits::kCounterMax / 10) return std::nullopt;
    index = 10 * index + static_cast<uint64_t>(c - '0');
  }
  const std::string_view hash = id.substr(dash + 1);
  const bool is_hex = std::all_of(hash.begin(), hash.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex ? std::optional(Index{index}) : std::nullopt;
}

}  // namespace patronus
