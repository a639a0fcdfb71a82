// The certificates a configuration names, and those that are revoked, read for the first time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/config/config.h"
#include "io/tls/revocation_watch.h"
#include "io/tls/watch.h"

namespace patronus::uv {

struct LoadedCertificate {
  tls::CertificateWatch watch;
  std::shared_ptr<const tls::Context> context;
};

struct LoadedRevocations {
  tls::RevocationWatch watch;
  std::shared_ptr<const tls::RevocationLists> lists;
};

struct Certificates {
  std::optional<LoadedCertificate> https;
  std::optional<LoadedCertificate> peers;
  std::optional<LoadedRevocations> revocations;
};

// Adds a line to `errors` for each that can't be used.
[[nodiscard]] Certificates load_certificates(const Config& config, std::vector<std::string>& errors);

}  // namespace patronus::uv
