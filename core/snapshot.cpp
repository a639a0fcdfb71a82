#include "core/snapshot.h"

#include <algorithm>
#include <charconv>

namespace patronus {

std::string snapshot_id(const Artefact& artefact) {
  return std::to_string(artefact.index.value) + "-" + to_hex(artefact.hash);
}

std::optional<Index> index_in_snapshot_id(std::string_view id) {
  const size_t dash = id.find('-');
  if (dash == std::string_view::npos || id.size() != dash + 17 || id.front() == '0') return std::nullopt;
  uint64_t index = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + dash, index);
  const bool is_hex = std::all_of(id.begin() + static_cast<std::ptrdiff_t>(dash) + 1, id.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (error != std::errc() || end != id.data() + dash || index == 0 || !is_hex) return std::nullopt;
  return Index{index};
}

}  // namespace patronus
