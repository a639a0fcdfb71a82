#include "core/raft/log_room.h"

#include <algorithm>

#include "core/base/limits.h"

namespace patronus {

std::string_view log_room_name(LogRoom room) {
  switch (room) {
    case LogRoom::kNone:
      return "none";
    case LogRoom::kLow:
      return "low";
    case LogRoom::kUnknown:
      return "unknown";
    case LogRoom::kPlenty:
      return "plenty";
  }
  return "";
}

LogReserve log_reserve(size_t segment_bytes) {
  return {std::min(limits::kLogMarginBytes, segment_bytes / limits::kLogMarginShare),
          std::min(limits::kLogReserveBytes, segment_bytes / limits::kLogReserveShare)};
}

LogRoom log_room(std::optional<size_t> left, const LogReserve& reserve) {
  if (!left) return LogRoom::kPlenty;
  return *left < reserve.margin ? LogRoom::kNone : LogRoom::kLow;
}

}  // namespace patronus
