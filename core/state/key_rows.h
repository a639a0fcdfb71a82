// A key as a row of the state (core/state/rows.h): its namespace and name, told apart by a zero, which no
// namespace contains; then its numbers, its content type and its value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/types.h"
#include "core/state/rows.h"

namespace patronus {

inline constexpr std::string_view kKeySeparator("\0", 1);

// What a key costs of the quota besides its bytes: map node, numbers, shared value.
inline constexpr size_t kKeyOverheadBytes = 192;
inline constexpr size_t key_cost(size_t key, size_t value, size_t content_type) {
  return kKeyOverheadBytes + key + value + content_type;
}

struct KeyName {
  std::string_view ns;
  std::string_view key;
};

// Of a row of kind kKey; both empty if it has no separator.
inline KeyName key_name(std::string_view row_key) {
  const size_t separator = row_key.find('\0', 1);
  if (separator == std::string_view::npos) return {};
  return {row_key.substr(1, separator - 1), row_key.substr(separator + 1)};
}

// Its value; the views live as long as the bytes.
struct KeyRow {
  Index create_revision;
  Index mod_revision;
  uint64_t version = 0;
  std::string_view content_type;
  std::string_view value;
};
inline std::optional<KeyRow> decode_key_row(std::string_view bytes) {
  Reader in(bytes);
  KeyRow row;
  row.create_revision = Index{in.u64()};
  row.mod_revision = Index{in.u64()};
  row.version = in.u64();
  row.content_type = in.bytes(limits::kContentTypeBytesMax);
  row.value = in.raw(in.remaining());
  return in.ok() ? std::optional(row) : std::nullopt;
}

}  // namespace patronus
