// XXH64 (Yann Collet's specification, version 0.1.1): the hash of state content and of the chain of batches.
// It tells accidents apart, not attackers.
#pragma once

#include <cstdint>
#include <string_view>

namespace patronus {

[[nodiscard]] uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace patronus
