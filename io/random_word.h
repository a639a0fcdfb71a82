// Chance from the operating system, for what must differ between clusters and processes but is no secret.
#pragma once

#include <cstdint>
#include <random>

namespace patronus {

// Never 0, which stands for none.
[[nodiscard]] inline uint64_t random_word() {
  std::random_device device;
  uint64_t word = 0;
  while (word == 0) word = (uint64_t{device()} << 32U) | device();
  return word;
}

}  // namespace patronus
