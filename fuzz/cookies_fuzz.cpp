// Any bytes as the headers that say who sends a request: Cookie, Authorization, X-Forwarded-For; and as a
// list of trusted proxies. Answers are held against plain readings of the same text.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/bearer.h"
#include "io/auth/cookies.h"
#include "io/auth/remote.h"

namespace {

using namespace patronus::auth;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The value as somebody reads it who splits at every semicolon first.
std::optional<std::string> plain_reading(std::string_view header, std::string_view name) {
  std::vector<std::string> pairs(1);
  for (const char c : header) {
    if (c == ';') {
      pairs.emplace_back();
    } else {
      pairs.back().push_back(c);
    }
  }
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals != std::string::npos && trimmed(pair.substr(0, equals)) == name)
      return trimmed(pair.substr(equals + 1));
  }
  return std::nullopt;
}

void try_cookies(std::string_view header) {
  for (const std::string_view name : {"a", "patronus_refresh", "r"}) {
    require(cookie_value(header, name) == plain_reading(header, name));
  }
  // Ours after anything of somebody else's.
  if (!plain_reading(header, "ours")) require(cookie_value(std::string(header) + ";ours=1", "ours") == "1");
}

void try_bearer(std::string_view header) {
  const auto read = read_bearer(header);
  if (const auto* token = std::get_if<BearerToken>(&read)) {
    require(!token->text.empty() && token->text.size() <= patronus::limits::kTokenBytesMax);
    require(token->text.find_first_of(" \t,;\"\r\n") == std::string_view::npos);
    require(header.find(token->text) != std::string_view::npos);
  } else {
    require(!std::get<std::string>(read).empty());
  }
}

void try_forwarded(std::string_view header) {
  const TrustedProxies loopback;
  const std::vector<std::string_view> values = {header};
  require(client_of("203.0.113.9", values, loopback).address == "203.0.113.9");
  const Client client = client_of("127.0.0.1", values, loopback);
  const auto address = parse_ip(client.address);
  require(address && address->text() == client.address);
  require(address->is_v4() ? client.limit_key == client.address : client.limit_key.ends_with("/64"));
  const std::string appended = std::string(header) + ",198.51.100.1";
  const std::vector<std::string_view> more = {appended};
  require(client_of("127.0.0.1", more, loopback).address == "198.51.100.1");

  const auto parsed = TrustedProxies::parse(header);
  if (const auto* proxies = std::get_if<TrustedProxies>(&parsed)) {
    require(parse_ip(client_of("127.0.0.1", values, *proxies).address).has_value());
  } else {
    require(!std::get<std::string>(parsed).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_cookies(text);
  try_bearer(text);
  try_forwarded(text);
  return 0;
}
