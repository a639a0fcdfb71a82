#include "bench/value.h"

#include <array>
#include <charconv>
#include <random>

namespace patronus::bench {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void write_hex(std::uint64_t number, std::size_t digits, char* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = digits; i-- > 0; number >>= 4U) out[i] = kHex[number & 15U];
}

}  // namespace

void append_base64(std::string_view bytes, std::string& out) {
  std::size_t i = 0;
  const auto at = [&](std::size_t index) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[index]));
  };
  for (; i + 3 <= bytes.size(); i += 3) {
    const unsigned word = (at(i) << 16U) | (at(i + 1) << 8U) | at(i + 2);
    const char quad[4] = {kAlphabet[word >> 18U], kAlphabet[(word >> 12U) & 63U],
                          kAlphabet[(word >> 6U) & 63U], kAlphabet[word & 63U]};
    out.append(quad, 4);
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const unsigned word = (at(i) << 16U) | (rest == 2 ? at(i + 1) << 8U : 0U);
  out += kAlphabet[word >> 18U];
  out += kAlphabet[(word >> 12U) & 63U];
  out += rest == 2 ? kAlphabet[(word >> 6U) & 63U] : '=';
  out += '=';
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  unsigned word = 0;
  unsigned bits = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    word = (word << 6U) | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(static_cast<unsigned char>((word >> bits) & 255U));
  }
  return out;
}

Values::Values(std::uint32_t run, std::size_t size) : run_(run) {
  // Random letters: neither system may win by compressing what is stored.
  std::minstd_rand random(run | 1U);
  while (kStampSize + filler_.size() < size) filler_ += kAlphabet[random() % 62U];
  append_base64(filler_, filler_base64_);
}

void Values::stamp(std::uint64_t write, char* out) const {
  write_hex(run_, 8, out);
  write_hex(write, 16, out + 8);
}

void Values::append(std::uint64_t write, std::string& out) const {
  char text[kStampSize];
  stamp(write, text);
  out.append(text, kStampSize);
  out += filler_;
}

void Values::append_as_base64(std::uint64_t write, std::string& out) const {
  char text[kStampSize];
  stamp(write, text);
  append_base64({text, kStampSize}, out);
  out += filler_base64_;
}

std::optional<std::uint64_t> Values::write_of(std::string_view value) const {
  if (value.size() != size() || value.substr(kStampSize) != filler_) return std::nullopt;
  std::uint32_t run = 0;
  std::uint64_t write = 0;
  const char* text = value.data();
  if (std::from_chars(text, text + 8, run, 16).ptr != text + 8 || run != run_) return std::nullopt;
  if (std::from_chars(text + 8, text + kStampSize, write, 16).ptr != text + kStampSize) return std::nullopt;
  return write;
}

void append_key(std::size_t key, std::string& out) {
  char text[9] = {'k'};
  for (std::size_t i = 8; i > 0; --i, key /= 10) text[i] = static_cast<char>('0' + key % 10);
  out.append(text, sizeof text);
}

}  // namespace patronus::bench
