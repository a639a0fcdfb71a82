// Who a client is, behind balancers: the address that limits count on and that sessions show.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace patronus::auth {

// IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), so that ::ffff:192.0.2.1 and 192.0.2.1 are one
// address.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::string text() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// An address alone: no port, no brackets, no zone.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

// Those whose X-Forwarded-For is believed.
class TrustedProxies {
 public:
  // This machine's own loopback addresses: the balancer that runs beside the node.
  TrustedProxies();

  // Reads addresses and CIDR blocks with commas between them, such as "127.0.0.1, 10.1.0.0/16, fd00::/8", at
  // most limits::kTrustedProxiesMax; an empty text trusts nobody. Otherwise what is wrong and what would do.
  [[nodiscard]] static std::variant<TrustedProxies, std::string> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& address) const;

 private:
  struct Block {
    IpAddress address;
    uint32_t prefix = 128;  // leading bits that count, of the 128
  };

  [[nodiscard]] static std::variant<Block, std::string> parse_block(std::string_view text);

  std::vector<Block> blocks_;
};

struct Client {
  std::string address;    // to be shown
  std::string limit_key;  // to be counted on: the address, of IPv6 its /64, which one customer has whole
};

// `connection` is the address of the peer of the TCP connection, `forwarded_for` the values of the request's
// X-Forwarded-For headers in their order. They are believed only if `connection` is a trusted proxy's, from
// the right: the first address that is no trusted proxy's is the client's, because a trusted one wrote it,
// while everything further left may be made up. If all are trusted it is the left-most. Where an entry that
// would decide is no address (a port after it is allowed), or there are more than limits::kForwardedHopsMax
// trusted ones, the client is the connection's peer.
[[nodiscard]] Client client_of(std::string_view connection, std::span<const std::string_view> forwarded_for,
                               const TrustedProxies& proxies);

}  // namespace patronus::auth
