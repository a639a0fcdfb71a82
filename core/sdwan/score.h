// One number for how good a line is, so that lines can be compared.
//
// It is what the E-model (ITU-T G.107) says of a call with G.711 over that line, in the short form of Cole
// and Rosenbluth, "Voice over IP performance monitoring" (2001):
//   R  = 94.2 - Id - Ie
//   Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3)     d: delay one way in ms, H: 0 below 0, else 1
//   Ie = 30 ln(1 + 15 e)                             e: loss, from 0 to 1
// with d = half of the round-trip time and twice the jitter, which a receiver's buffer costs. The score is R
// as a part of 94.2, times 100, rounded, from 0 to 100; a line on which all is lost has 0.
#pragma once

#include <cstdint>

namespace patronus::sdwan {

// Never rises when any of the three does. Losses beyond 1,000,000 ppm count as that.
[[nodiscard]] uint8_t line_score(uint32_t latency_us, uint32_t jitter_us, uint32_t loss_ppm);

}  // namespace patronus::sdwan
