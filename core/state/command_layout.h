// The first byte of a command: how the rest is laid out. Each new layout came with a version of the protocol,
// and is written only where every member speaks that.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/protocol.h"

namespace patronus {

inline constexpr uint8_t kCommandLayout = 2;
inline constexpr uint8_t kRestoreCommandLayout = 3;
inline constexpr uint8_t kTableCommandLayout = 4;

// Of a command, the lowest version of the protocol that knows its layout.
[[nodiscard]] inline protocol::Version protocol_of_command(std::string_view bytes) {
  const uint8_t layout = bytes.empty() ? kCommandLayout : static_cast<uint8_t>(bytes.front());
  if (layout >= kTableCommandLayout) return protocol::kTables;
  return layout == kRestoreCommandLayout ? protocol::kRestore : protocol::kOldest;
}

}  // namespace patronus
