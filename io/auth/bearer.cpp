#include "io/auth/bearer.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/protocol/http/syntax.h"

namespace patronus::auth {
namespace {

bool is_token68_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || http::is_digit(c) ||
         std::string_view("-._~+/").find(c) != std::string_view::npos;
}

// b64token of RFC 6750 section 2.1: at least one such character, then any number of "=".
bool is_token68(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_token68_char);
  return end != text.begin() && std::all_of(end, text.end(), [](char c) { return c == '='; });
}

}  // namespace

std::variant<BearerToken, std::string> read_bearer(std::string_view header) {
  header = http::trim(header);
  const size_t space = std::min(header.find(' '), header.size());
  if (!http::equals_ignoring_case(header.substr(0, space), "bearer")) {
    return "the Authorization header must be of the scheme Bearer: \"Bearer <access token>\"";
  }
  header.remove_prefix(space);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  if (header.empty()) return "the Authorization header has no token: write \"Bearer <access token>\"";
  if (header.size() > limits::kTokenBytesMax) {
    return "the token in the Authorization header is longer than " + std::to_string(limits::kTokenBytesMax) +
           " bytes";
  }
  if (!is_token68(header)) {
    return "the Authorization header must have exactly one token, without spaces, commas or quotes";
  }
  return BearerToken{header};
}

}  // namespace patronus::auth
