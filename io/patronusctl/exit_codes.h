// What patronusctl tells scripts.
#pragma once

namespace patronus::ctl {

inline constexpr int kOk = 0;
inline constexpr int kError = 1;
inline constexpr int kUsage = 2;
inline constexpr int kDegraded = 3;

}  // namespace patronus::ctl
