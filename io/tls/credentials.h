// A certificate with its key, and the authorities the other end is checked against, read from PEM files.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "io/tls/certificate.h"
#include "io/tls/named_file.h"

namespace patronus::tls {

struct CredentialFiles {
  NamedFile certificate;  // the certificate, then those between it and its authority
  NamedFile key;
  NamedFile authority;  // of the other end; an empty path: the other end need not show a certificate
  NodeId node;          // whose certificate it must be; empty: no node's in particular
};

struct Credentials {
  std::vector<Certificate> chain;
  PrivateKey key;
  std::vector<Certificate> authorities;
};

// Reads all of them and checks that they belong together. An error is one line that names the variable, the
// path and what would do. A certificate that has expired is taken: refusing to start would help nobody.
[[nodiscard]] std::variant<Credentials, std::string> read_credentials(const CredentialFiles& files);

// The authorities of a PEM file, at least one. An error as above.
[[nodiscard]] std::variant<std::vector<Certificate>, std::string> read_authorities(const NamedFile& file);

}  // namespace patronus::tls
