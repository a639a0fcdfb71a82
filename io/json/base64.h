// Base64 (RFC 4648 section 4), standard alphabet, padded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace patronus::json {

[[nodiscard]] std::string base64_encode(std::string_view bytes);

// The bytes `text` stands for, or nothing when it isn't canonical: the length not a multiple of four, padding
// missing or misplaced, a foreign character (white space too), or bits set that no byte uses.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace patronus::json
