// The request target (RFC 9112 section 3.2): path segments and query parameters.
#pragma once

#include <optional>

#include "io/protocol/http/refusal.h"

namespace patronus::http {

// Fills segments and query from `request.target`, or says why it is refused: anything but the origin form
// (and
// `*` for OPTIONS), an empty segment, "." or ".." as a segment however written, a malformed escape, a decoded
// NUL, decoded bytes that aren't UTF-8, a fragment, a character that is no printable ASCII.
[[nodiscard]] std::optional<Refusal> parse_target(Request& request);

}  // namespace patronus::http
