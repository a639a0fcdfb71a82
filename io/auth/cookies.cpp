#include "io/auth/cookies.h"

#include <algorithm>

#include "core/base/assert.h"
#include "io/protocol/http/syntax.h"

namespace patronus::auth {
namespace {

bool is_cookie_octet(char c) { return c > 0x20 && c < 0x7F && c != '"' && c != ',' && c != ';' && c != '\\'; }

bool is_path_char(char c) { return c >= 0x20 && c < 0x7F && c != ';'; }

}  // namespace

std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t end = std::min(header.find(';'), header.size());
    const std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || name.empty()) continue;
    if (http::trim(pair.substr(0, equals)) == name) return http::trim(pair.substr(equals + 1));
  }
  return std::nullopt;
}

std::string set_cookie(const Cookie& cookie) {
  PATRONUS_ASSERT(http::is_token(cookie.name), "a cookie's name is a token");
  PATRONUS_ASSERT(std::all_of(cookie.value.begin(), cookie.value.end(), is_cookie_octet),
                  "a cookie's value keeps within its header");
  PATRONUS_ASSERT(
      cookie.path.starts_with('/') && std::all_of(cookie.path.begin(), cookie.path.end(), is_path_char),
      "a cookie's path keeps within its header");
  std::string text = cookie.name + "=" + cookie.value + "; Path=" + cookie.path +
                     "; Max-Age=" + std::to_string(cookie.max_age.count()) + "; HttpOnly; SameSite=Strict";
  if (cookie.secure) text += "; Secure";
  return text;
}

}  // namespace patronus::auth
