// Base64 (RFC 4648): the standard alphabet with padding (section 4), and the one for URLs and tokens without
// (section 5, as RFC 7515 section 2 wants it).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace patronus::json {

[[nodiscard]] std::string base64_encode(std::string_view bytes);

// The bytes `text` stands for, or nothing when it isn't canonical: the length not a multiple of four, padding
// missing or misplaced, a foreign character (white space too), or bits set that no byte uses.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

[[nodiscard]] std::string base64url_encode(std::string_view bytes);

// The same strictness: no padding, no foreign character, no length that no bytes have, no stray bits.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace patronus::json
