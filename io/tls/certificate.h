// What a certificate says: whose it is, for which names, by whom, from when to when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "io/tls/openssl.h"

namespace patronus::tls {

// The entry of a certificate's subject alternative names that proves a node's id: "patronus:node:" and the
// id. A URI rather than a DNS name, because a node id may hold what a DNS name may not.
inline constexpr std::string_view kNodeUriPrefix = "patronus:node:";

struct CertificateInfo {
  std::string subject;
  std::string issuer;
  std::string serial;              // hexadecimal
  std::string key;                 // such as "EC P-256"
  NodeId node;                     // empty: it proves no node
  std::vector<std::string> names;  // DNS names and IP addresses
  std::string crl_url;             // where the list of revoked certificates is; empty: it does not say
  int64_t not_before = 0;          // Unix seconds
  int64_t not_after = 0;
  bool is_authority = false;
};

// The node whose certificate this is (RFC 5280 section 4.2.1.6): nothing unless there is exactly one URI of
// the form above and what it names may be a node id.
[[nodiscard]] std::optional<NodeId> node_of(const X509* certificate);
[[nodiscard]] CertificateInfo describe(const X509* certificate);
[[nodiscard]] int64_t not_after(const X509* certificate);
[[nodiscard]] int64_t not_before(const X509* certificate);

// All certificates of a PEM text, in order; other blocks are skipped. An error in words if there is none, or
// if one can't be read.
[[nodiscard]] std::variant<std::vector<Certificate>, std::string> parse_certificates(std::string_view pem);
// The EC or RSA private key of a PEM text. A key behind a passphrase is an error: nobody is there to type it.
[[nodiscard]] std::variant<PrivateKey, std::string> parse_private_key(std::string_view pem);

// "2026-03-01T12:00:00Z" (RFC 3339), from Unix seconds and back. Only whole seconds in UTC are read.
[[nodiscard]] std::string format_time(int64_t unix_seconds);
[[nodiscard]] std::optional<int64_t> parse_time(const std::string& text);

}  // namespace patronus::tls
