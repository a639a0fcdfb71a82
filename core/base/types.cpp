#include "core/base/types.h"

#include <algorithm>

#include "core/base/limits.h"

namespace patronus {

std::string to_hex(uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) text[15 - i] = kDigits[(value >> (4 * i)) & 15];
  return text;
}

std::string ClusterId::hex() const { return to_hex(words[0]) + to_hex(words[1]); }

bool is_node_id(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= limits::kNodeIdBytesMax &&
         std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace patronus
