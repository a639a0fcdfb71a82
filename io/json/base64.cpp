#include "io/json/base64.h"

#include <array>
#include <cstdint>

namespace patronus::json {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kForeign = 0xFF;

using Reverse = std::array<uint8_t, 256>;

constexpr Reverse make_reverse(std::string_view alphabet) {
  Reverse table{};
  table.fill(kForeign);
  for (size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  }
  return table;
}

constexpr Reverse kStandardReverse = make_reverse(kStandard);
constexpr Reverse kUrlReverse = make_reverse(kUrl);

uint32_t octet(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

// The digits without padding: two for a last single byte, three for a last pair.
std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t at = 0;
  for (; bytes.size() - at >= 3; at += 3) {
    const uint32_t group = octet(bytes, at) << 16U | octet(bytes, at + 1) << 8U | octet(bytes, at + 2);
    for (const uint32_t shift : {18U, 12U, 6U, 0U}) out.push_back(alphabet[(group >> shift) & 63U]);
  }
  const size_t rest = bytes.size() - at;
  if (rest == 0) return out;
  const uint32_t group = octet(bytes, at) << 16U | (rest == 2 ? octet(bytes, at + 1) << 8U : 0U);
  out.push_back(alphabet[(group >> 18U) & 63U]);
  out.push_back(alphabet[(group >> 12U) & 63U]);
  if (rest == 2) out.push_back(alphabet[(group >> 6U) & 63U]);
  return out;
}

std::optional<std::string> decode(std::string_view digits, const Reverse& reverse) {
  if (digits.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(digits.size() / 4 * 3 + 2);
  uint32_t group = 0;
  uint32_t bits = 0;
  for (const char c : digits) {
    const uint8_t value = reverse[static_cast<uint8_t>(c)];
    if (value == kForeign) return std::nullopt;
    group = (group << 6U | value) & 0xFFFFFFU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(static_cast<uint8_t>(group >> bits)));
    }
  }
  // Bits beyond the last byte must be zero, or one value would have several spellings.
  if ((group & ((1U << bits) - 1U)) != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out = encode(bytes, kStandard);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  if (text.ends_with("==")) {
    padding = 2;
  } else if (text.ends_with('=')) {
    padding = 1;
  }
  return decode(text.substr(0, text.size() - padding), kStandardReverse);
}

std::string base64url_encode(std::string_view bytes) { return encode(bytes, kUrl); }

std::optional<std::string> base64url_decode(std::string_view text) { return decode(text, kUrlReverse); }

}  // namespace patronus::json
