#include "io/auth/password_rule.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/json/utf8.h"
#include "io/protocol/http/syntax.h"

namespace patronus::auth {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return http::to_lower(x) == http::to_lower(y); });
}

}  // namespace

std::optional<std::string> password_fault(std::string_view password, std::string_view email) {
  if (password.size() < limits::kPasswordBytesMin) {
    return "is too short: choose at least " + std::to_string(limits::kPasswordBytesMin) +
           " characters, for example several words";
  }
  if (password.size() > limits::kPasswordBytesMax) {
    return "is too long: choose at most " + std::to_string(limits::kPasswordBytesMax) + " bytes";
  }
  if (!json::is_valid_utf8(password)) return "is not valid UTF-8: choose any characters encoded as UTF-8";
  if (password.find('\0') != std::string_view::npos) {
    return "contains a NUL character: choose any other characters";
  }
  if (equal_ignoring_case(password, email)) return "is the email address: choose something else";
  return std::nullopt;
}

}  // namespace patronus::auth
