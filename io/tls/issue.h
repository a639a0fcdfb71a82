// Makes keys and certificates: an authority of one's own, and what it signs. Keys are EC on P-256, signatures
// SHA-256, certificates v3 with the extensions of RFC 5280 that today's clients insist on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/tls/certificate.h"

namespace patronus::tls {

struct Validity {
  int64_t not_before = 0;  // Unix seconds
  int64_t not_after = 0;
};

// In PEM form.
struct KeyAndCertificate {
  std::string key;
  std::string certificate;
};

// What signs.
struct Authority {
  PrivateKey key;
  Certificate certificate;
};

struct Request {
  std::string common_name;
  NodeId node;                     // empty: the certificate proves no node, and serves as a server's only
  std::vector<std::string> names;  // DNS names and IP addresses; is_alternative_name() holds for each
  Validity validity;
  // Where the list of revoked certificates is found; is_crl_url() holds. Empty: the certificate does not say.
  std::string crl_url = {};
};

// True for a host name as it may stand in a certificate (labels of letters, digits and inner hyphens, the
// first may be "*"; not all digits at the end, which would be taken for an address).
[[nodiscard]] bool is_dns_name(std::string_view text);
[[nodiscard]] bool is_ip_address(const std::string& text);
[[nodiscard]] inline bool is_alternative_name(const std::string& text) {
  return is_dns_name(text) || is_ip_address(text);
}

// True for an http:// or https:// URL that can stand in a certificate: at most 1,024 characters, those of RFC
// 3986.
[[nodiscard]] bool is_crl_url(std::string_view text);

// A self-signed authority that may sign leaves and no other authority.
[[nodiscard]] std::variant<KeyAndCertificate, std::string> make_authority(const std::string& common_name,
                                                                          const Validity& validity);

// Reads an authority from its PEM texts and checks that they belong together.
[[nodiscard]] std::variant<Authority, std::string> parse_authority(std::string_view key_pem,
                                                                   std::string_view certificate_pem);

// A new key and a certificate for it. A node's also holds its id as a DNS name where it may be one. The
// caller sees to it that the certificate does not outlive its authority.
[[nodiscard]] std::variant<KeyAndCertificate, std::string> issue(const Authority& authority,
                                                                 const Request& request);

}  // namespace patronus::tls
