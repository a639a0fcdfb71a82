// What place its disk has left for a node's log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace patronus {

// In the order in which a node is the better leader.
enum class LogRoom : uint8_t {
  kNone = 1,     // the disk is full, and what is left is for terms and votes
  kLow = 2,      // the disk is full: the segment in use is the last one
  kUnknown = 3,  // it has not been heard of yet
  kPlenty = 4    // no lack of room is known
};
std::string_view log_room_name(LogRoom room);

// How much of the last segment is for what (limits.h); of the segments that are in use.
struct LogReserve {
  size_t margin = 0;   // with less left, a leader takes no more writes
  size_t reserve = 0;  // with less left, a follower takes no more entries
};
[[nodiscard]] LogReserve log_reserve(size_t segment_bytes);

// `left`: bytes that may still be written to a log whose disk is full; nothing: it is not.
[[nodiscard]] LogRoom log_room(std::optional<size_t> left, const LogReserve& reserve);

}  // namespace patronus
