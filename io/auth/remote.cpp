#include "io/auth/remote.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <ranges>

#include "core/base/limits.h"
#include "io/protocol/http/syntax.h"

namespace patronus::auth {
namespace {

constexpr size_t kMappedBytes = 12;  // before the four of an IPv4 address
constexpr uint32_t kMappedBits = 96;
constexpr std::array<uint8_t, kMappedBytes> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr uint32_t kAllBits = 128;
constexpr uint32_t kCustomerBits = 64;

std::optional<uint32_t> parse_number(std::string_view text, uint32_t max) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > max) {
    return std::nullopt;
  }
  return number;
}

// The address with every bit after `prefix` cleared.
IpAddress masked(IpAddress address, uint32_t prefix) {
  for (uint32_t i = 0; i < address.bytes.size(); ++i) {
    const uint32_t kept = std::clamp<uint32_t>(prefix, i * 8, i * 8 + 8) - i * 8;
    address.bytes.at(i) = static_cast<uint8_t>(address.bytes.at(i) & (0xFF00U >> kept));
  }
  return address;
}

// An entry of X-Forwarded-For: an address, perhaps with a port, which some balancers write.
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (const auto address = parse_ip(text)) return address;
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    host = text.substr(1, bracket - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
    if (bracket + 1 == text.size()) return parse_ip(host);
    if (text[bracket + 1] != ':') return std::nullopt;
    port = text.substr(bracket + 2);
  } else {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  return parse_number(port, 65'535) ? parse_ip(host) : std::nullopt;
}

// Takes the last entry off a list with commas.
std::string_view take_last(std::string_view& list) {
  const size_t comma = list.rfind(',');
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
  return http::trim(last);
}

// The client as the trusted proxies tell it, or nothing where what they tell is no use.
std::optional<IpAddress> told(std::span<const std::string_view> forwarded_for,
                              const TrustedProxies& proxies) {
  std::optional<IpAddress> farthest;
  size_t hops = 0;
  for (std::string_view rest : forwarded_for | std::views::reverse) {
    while (!rest.empty()) {
      if (++hops > limits::kForwardedHopsMax) return std::nullopt;
      farthest = parse_hop(take_last(rest));
      if (!farthest || !proxies.contains(*farthest)) return farthest;
    }
  }
  return farthest;
}

Client make_client(const IpAddress& address) {
  if (address.is_v4()) return {address.text(), address.text()};
  return {address.text(), masked(address, kCustomerBits).text() + "/64"};
}

}  // namespace

bool IpAddress::is_v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const auto size = static_cast<socklen_t>(buffer.size());
  const void* const from = is_v4() ? bytes.data() + kMappedBytes : bytes.data();
  const char* const text = inet_ntop(is_v4() ? AF_INET : AF_INET6, from, buffer.data(), size);
  return text == nullptr ? "" : text;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  // inet_pton wants an end, and must not find one that the text doesn't have.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data() + kMappedBytes) == 1) return address;
  return std::nullopt;
}

TrustedProxies::TrustedProxies() {
  IpAddress v4_loopback;
  std::copy(kMapped.begin(), kMapped.end(), v4_loopback.bytes.begin());
  v4_loopback.bytes[kMappedBytes] = 127;
  v4_loopback.bytes.back() = 1;
  IpAddress v6_loopback;
  v6_loopback.bytes.back() = 1;
  blocks_ = {{v4_loopback, kAllBits}, {v6_loopback, kAllBits}};
}

std::variant<TrustedProxies::Block, std::string> TrustedProxies::parse_block(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = parse_ip(text.substr(0, slash));
  if (!address) {
    return quoted +
           " is not an IP address or block of addresses; write for example 192.0.2.7, 10.0.0.0/8 or "
           "fd00::/8";
  }
  if (slash == std::string_view::npos) return Block{*address, kAllBits};
  // An IPv4 block may also be written as the IPv4-mapped one.
  const bool v4 = text.find(':') == std::string_view::npos;
  const uint32_t bits = v4 ? kAllBits - kMappedBits : kAllBits;
  const std::optional<uint32_t> length = parse_number(text.substr(slash + 1), bits);
  if (!length) {
    return quoted + " has no valid length after the slash; it must be a number from 0 to " +
           std::to_string(bits);
  }
  const uint32_t prefix = *length + (v4 ? kMappedBits : 0);
  const IpAddress network = masked(*address, prefix);
  if (network != *address) {
    const std::string spelling = network.is_v4() && !v4 ? "::ffff:" + network.text() : network.text();
    return quoted + " has bits set after the first " + std::to_string(*length) + "; write " + spelling + "/" +
           std::to_string(*length);
  }
  return Block{network, prefix};
}

std::variant<TrustedProxies, std::string> TrustedProxies::parse(std::string_view text) {
  TrustedProxies proxies;
  proxies.blocks_.clear();
  if (http::trim(text).empty()) return proxies;
  while (true) {
    if (proxies.blocks_.size() >= limits::kTrustedProxiesMax) {
      return "more than " + std::to_string(limits::kTrustedProxiesMax) +
             " addresses; write blocks such as 10.0.0.0/8 instead";
    }
    const size_t comma = std::min(text.find(','), text.size());
    auto block = parse_block(http::trim(text.substr(0, comma)));
    if (auto* error = std::get_if<std::string>(&block)) return std::move(*error);
    proxies.blocks_.push_back(std::get<Block>(block));
    if (comma == text.size()) return proxies;
    text.remove_prefix(comma + 1);
  }
}

bool TrustedProxies::contains(const IpAddress& address) const {
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const Block& block) { return masked(address, block.prefix) == block.address; });
}

Client client_of(std::string_view connection, std::span<const std::string_view> forwarded_for,
                 const TrustedProxies& proxies) {
  const std::optional<IpAddress> peer = parse_ip(connection);
  if (!peer) return {std::string(connection), std::string(connection)};
  if (!proxies.contains(*peer)) return make_client(*peer);
  return make_client(told(forwarded_for, proxies).value_or(*peer));
}

}  // namespace patronus::auth
