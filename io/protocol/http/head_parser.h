// llhttp, behind one function.
#pragma once

#include <optional>
#include <string_view>

#include "io/protocol/http/refusal.h"

namespace patronus::http {

// Reads a whole head, from the method to the empty line, that has passed HeadScanner: fills target and
// headers (names in lower case, values without the white space around them) of `request`, or says what llhttp
// refuses.
[[nodiscard]] std::optional<Refusal> parse_head(std::string_view head, Request& request);

}  // namespace patronus::http
