// Cookies as RFC 6265 has them, read from a request and written for an answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::auth {

// The value of the first cookie of this name in a Cookie header (RFC 6265 sections 4.2.1 and 5.4), as it
// stands: a quote is a character like any other there and a semicolon always ends a value, as browsers have
// it, so no cookie that somebody else set can hide or forge one of ours within quotes. Names are told apart
// by case. What is no cookie (no "=", no name) is passed over. One pass, without a copy; the view points into
// `header`.
[[nodiscard]] std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name);

// A cookie that scripts can't read (HttpOnly) and that other sites' pages can't have sent (SameSite=Strict).
struct Cookie {
  std::string name;   // a token (RFC 9110 section 5.6.2)
  std::string value;  // cookie-octets (RFC 6265 section 4.1.1)
  std::string path = "/";
  std::chrono::seconds max_age{};  // zero takes the cookie away
  bool secure = true;              // false only for plain HTTP on a test's loopback
};

// The value of a Set-Cookie header (RFC 6265 section 4.1). The cookie is made by this program, so one that
// would break out of the header is a fault of it, and asserted against.
[[nodiscard]] std::string set_cookie(const Cookie& cookie);

}  // namespace patronus::auth
