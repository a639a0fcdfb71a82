#include "io/json/base64.h"

#include <array>
#include <cstdint>

namespace patronus::json {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kForeign = 0xFF;

constexpr std::array<uint8_t, 256> make_reverse() {
  std::array<uint8_t, 256> table{};
  table.fill(kForeign);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  return table;
}

constexpr std::array<uint8_t, 256> kReverse = make_reverse();

uint32_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t at = 0;
  for (; bytes.size() - at >= 3; at += 3) {
    const uint32_t group = byte_at(bytes, at) << 16U | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2);
    for (const uint32_t shift : {18U, 12U, 6U, 0U}) out.push_back(kAlphabet[(group >> shift) & 63U]);
  }
  const size_t rest = bytes.size() - at;
  if (rest == 0) return out;
  const uint32_t group = byte_at(bytes, at) << 16U | (rest == 2 ? byte_at(bytes, at + 1) << 8U : 0U);
  out.push_back(kAlphabet[(group >> 18U) & 63U]);
  out.push_back(kAlphabet[(group >> 12U) & 63U]);
  out.push_back(rest == 2 ? kAlphabet[(group >> 6U) & 63U] : '=');
  out.push_back('=');
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
  const std::string_view digits = text.substr(0, text.size() - padding);
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  uint32_t bits = 0;
  for (const char c : digits) {
    const uint8_t value = kReverse[static_cast<uint8_t>(c)];
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

}  // namespace patronus::json
