// "host:port" as operators write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus {

struct Address {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  uint16_t port = 0;

  std::string text() const;
  // An address of this machine alone, told without looking names up.
  bool is_loopback() const;

  friend bool operator==(const Address&, const Address&) = default;
};

[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

}  // namespace patronus
