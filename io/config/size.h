// Sizes as operators write them: 512MiB, 1GiB, 64KiB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus {

// Bytes: a whole number of KiB, MiB or GiB. Nothing if it is anything else or too large.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);
// In the largest unit of which it is a whole number.
[[nodiscard]] std::string format_size(uint64_t bytes);

}  // namespace patronus
