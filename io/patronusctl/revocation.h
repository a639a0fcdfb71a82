// patronusctl tls revoke and tls crl: the authority's list of revoked certificates. The list is its own
// register: what was revoked is read from it, and a new one is signed in its place.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "io/patronusctl/output.h"
#include "io/tls/issue.h"

namespace patronus::ctl {

struct ListOptions {
  std::string directory;
  std::string
      certificate;   // of which to revoke: a node's id, a host's name, a file, or a serial; empty: none
  int64_t days = 0;  // until the next list is due; 0: as long as the authority itself lasts
};

struct ListFault {
  std::string text;
};
// The list of a new authority, in PEM form: number 1, empty, as long as the authority lasts.
[[nodiscard]] std::variant<std::string, ListFault> first_list(const tls::KeyAndCertificate& authority,
                                                              const tls::Validity& validity);

// Each prints what it did or why it could not, and returns the exit code.
[[nodiscard]] int revoke_certificate(const ListOptions& options, Format format);
[[nodiscard]] int renew_list(const ListOptions& options, Format format);

}  // namespace patronus::ctl
