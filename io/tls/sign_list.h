// Signs lists of revoked certificates.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/tls/issue.h"
#include "io/tls/revocation.h"

namespace patronus::tls {

struct ListRequest {
  int64_t number = 1;       // higher than that of the list before (RFC 5280 section 5.2.3)
  int64_t this_update = 0;  // Unix seconds
  int64_t next_update = 0;
  std::vector<RevokedCertificate> revoked;  // serials in hexadecimal
};

// A version 2 list with the authority's key identifier and the number. An error in words if OpenSSL
// takes something not, such as a serial that is no number.
[[nodiscard]] std::variant<Crl, std::string> sign_list(const Authority& authority,
                                                       const ListRequest& request);
// In PEM form; empty only when memory is short.
[[nodiscard]] std::string to_pem(const X509_CRL* list);

}  // namespace patronus::tls
