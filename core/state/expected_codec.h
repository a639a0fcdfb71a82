// How the revision that a write expects is laid out in a command.
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/base/types.h"

namespace patronus {

inline void put_expected(Writer& out, const std::optional<Index>& expected) {
  out.boolean(expected.has_value());
  if (expected) out.u64(expected->value);
}

[[nodiscard]] inline std::optional<Index> get_expected(Reader& in) {
  if (!in.boolean()) return std::nullopt;
  return Index{in.u64()};
}

}  // namespace patronus
