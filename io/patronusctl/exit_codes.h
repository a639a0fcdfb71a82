// What patronusctl tells scripts.
#pragma once

namespace patronus::ctl {

inline constexpr int kOk = 0;
inline constexpr int kError = 1;
inline constexpr int kUsage = 2;
inline constexpr int kDegraded = 3;
inline constexpr int kNoQuorum = 4;
inline constexpr int kNotAllowed = 5;
inline constexpr int kConflict = 6;

}  // namespace patronus::ctl
