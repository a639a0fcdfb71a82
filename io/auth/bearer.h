// The access token in a request's Authorization header.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace patronus::auth {

struct BearerToken {
  std::string_view text;
};

// Reads the value of an Authorization header as RFC 6750 section 2.1 has it: "Bearer", in any case (RFC 9110
// section 11.1), at least one space, one token of that grammar of at most limits::kTokenBytesMax bytes.
// Otherwise the reason, in words for the sender, which never repeats what was sent. The token points into
// `header`.
[[nodiscard]] std::variant<BearerToken, std::string> read_bearer(std::string_view header);

}  // namespace patronus::auth
