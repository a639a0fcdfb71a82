#include "io/sdwan/udp_address.h"

#include <arpa/inet.h>

#include "io/config/address.h"

namespace patronus::sdwan {

std::string UdpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, ip.data(), host.data(), host.size());
  return Address{host.data(), port}.text();
}

std::optional<UdpAddress> parse_udp_address(std::string_view text) {
  const std::optional<Address> address = parse_address(text);
  if (!address) return std::nullopt;
  UdpAddress udp;
  udp.port = address->port;
  if (inet_pton(AF_INET, address->host.c_str(), udp.ip.data()) == 1) return udp;
  udp.is_v6 = true;
  if (inet_pton(AF_INET6, address->host.c_str(), udp.ip.data()) == 1) return udp;
  return std::nullopt;
}

}  // namespace patronus::sdwan
