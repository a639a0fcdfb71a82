// Where datagrams go to and come from: an address of IPv4 or IPv6 with a port, without text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::sdwan {

struct UdpAddress {
  std::array<uint8_t, 16> ip{};  // of IPv4 the first four
  bool is_v6 = false;
  uint16_t port = 0;

  // "ip:port", or "[ip]:port".
  std::string text() const;
  friend auto operator<=>(const UdpAddress&, const UdpAddress&) = default;
};

// Of numbers alone; nothing if it is a name, or no address.
[[nodiscard]] std::optional<UdpAddress> parse_udp_address(std::string_view text);

// What became of a datagram that was to be sent.
enum class Sent : uint8_t {
  kLeft,
  kNotNow,  // the system has no room for it at the moment
  kNever,   // it can't get there from here
};

}  // namespace patronus::sdwan
