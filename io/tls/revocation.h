// Lists of revoked certificates (CRL, RFC 5280 section 5): read, checked against the authorities, and asked
// about a certificate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/tls/openssl.h"

namespace patronus::tls {

struct RevokedCertificate {
  std::string serial;  // hexadecimal, upper case
  int64_t at = 0;      // Unix seconds
};

// What a list says.
struct RevocationInfo {
  std::string issuer;
  std::optional<int64_t> number;  // nothing: it has none, or one beyond what we count to
  int64_t this_update = 0;        // Unix seconds
  int64_t next_update = 0;
  std::vector<RevokedCertificate> revoked;
};

[[nodiscard]] RevocationInfo describe(const X509_CRL* list);

// All lists of a PEM text, in order; other blocks are skipped. An error in words if there is none, if one
// can't be read, or if one needs what this version does not do: it has no next update, a critical extension
// (such as that of lists which hold only a part), or more than kTlsRevokedMax entries.
[[nodiscard]] std::variant<std::vector<Crl>, std::string> parse_lists(std::string_view pem);
// Whether this authority signed it. Its name alone proves nothing.
[[nodiscard]] bool is_list_of(const X509* authority, const X509_CRL* list);

// The lists of a file. Does not change, so threads may share it.
class RevocationLists {
 public:
  // Each list must be signed by one of the authorities; an error in words otherwise.
  [[nodiscard]] static std::variant<std::shared_ptr<const RevocationLists>, std::string> make(
      std::vector<Crl> lists, const std::vector<Certificate>& authorities);

  // When the certificate was revoked, in Unix seconds; nothing if no list has it. Dates of lists do not
  // matter here: a list that has run out still knows what was revoked.
  [[nodiscard]] std::optional<int64_t> revoked_at(const X509* certificate) const;
  // When the first of them runs out.
  [[nodiscard]] int64_t next_update() const;
  [[nodiscard]] size_t revoked_count() const;
  // Why these must not take the place of those: one is older than what that has of the same authority. Empty
  // if they may.
  [[nodiscard]] std::string older_than(const RevocationLists& before) const;
  // The first list in DER form, as it is published (RFC 2585 section 4.2).
  [[nodiscard]] std::string published() const;

 private:
  explicit RevocationLists(std::vector<Crl> lists) : lists_(std::move(lists)) {}

  std::vector<Crl> lists_;
};

}  // namespace patronus::tls
