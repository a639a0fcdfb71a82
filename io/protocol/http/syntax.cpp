#include "io/protocol/http/syntax.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace patronus::http {
namespace {

constexpr std::array<bool, 256> table_of(std::string_view extra) {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c : extra) table[static_cast<uint8_t>(c)] = true;
  return table;
}

constexpr std::array<bool, 256> kTokenChars = table_of("!#$%&'*+-.^_`|~");
constexpr std::array<bool, 256> kHostChars = table_of("-._~!$&'()*+,;=");
constexpr size_t kHostBytesMax = 255;

bool is_name(std::string_view host) {
  if (host.empty() || host.size() > kHostBytesMax) return false;
  for (size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '%') {
      if (host.size() - i < 3 || hex_value(host[i + 1]) < 0 || hex_value(host[i + 2]) < 0) return false;
      i += 2;
    } else if (!kHostChars[static_cast<uint8_t>(host[i])]) {
      return false;
    }
  }
  return true;
}

// Close enough to an IPv6 address to be one; whoever connects to it will know exactly.
bool is_ipv6(std::string_view host) {
  return host.size() >= 2 && host.size() <= 45 && std::count(host.begin(), host.end(), ':') >= 2 &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return c == ':' || c == '.' || hex_value(c) >= 0; });
}

bool is_port(std::string_view port) {
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return false;
  int value = 0;
  for (const char c : port) value = value * 10 + (c - '0');
  return value <= 65535;
}

}  // namespace

bool is_token_char(char c) { return kTokenChars[static_cast<uint8_t>(c)]; }

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) { return to_lower(a) == b; });
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<Refusal> check_field_line(std::string_view line, bool is_first) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    return bad_request(is_first ? "white space before the first header"
                                : "obsolete line folding in a header");
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad_request("a header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (name.empty()) return bad_request("a header without a name");
  if (name.ends_with(' ') || name.ends_with('\t')) {
    return bad_request("white space between a header's name and its colon");
  }
  if (!is_token(name)) return bad_request("an invalid character in a header's name");
  for (const char c : line.substr(colon + 1)) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7F) {
      return bad_request("an invalid character in the value of header " + std::string(name));
    }
  }
  return std::nullopt;
}

bool is_host(std::string_view value) {
  if (value.starts_with('[')) {
    const size_t end = value.find(']');
    if (end == std::string_view::npos || !is_ipv6(value.substr(1, end - 1))) return false;
    const std::string_view rest = value.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos) return is_name(value);
  return is_name(value.substr(0, colon)) && is_port(value.substr(colon + 1));
}

}  // namespace patronus::http
