// CRC-32C (Castagnoli), RFC 3720 appendix B.4: what guards frames on the wire and batches on disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace patronus {

// Continues a checksum over more bytes; start with 0.
[[nodiscard]] uint32_t crc32c(std::string_view bytes, uint32_t so_far = 0);

}  // namespace patronus
