// Certificates that are read again when their files change. Reading blocks, so the owner looks from a thread
// that may; a watch is used by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "io/tls/context.h"

namespace patronus::tls {

class CertificateWatch {
 public:
  // What a look found. Nothing at all: nothing has changed.
  struct Found {
    std::shared_ptr<const Context> fresh;  // to be used for new connections
    std::string line;                      // for the operator
    bool is_error = false;
  };

  CertificateWatch(Role role, CredentialFiles files) : role_(role), files_(std::move(files)) {}

  // The first reading. An error is one line that names the variable, the path and what would do.
  [[nodiscard]] std::variant<std::shared_ptr<const Context>, std::string> load();

  // Whether the files have changed since, by times, inode and size; `now` in Unix seconds. Files
  // that are bad are complained of once, and only when they still are at the next look: key and certificate
  // are replaced one after the other. A certificate that is not valid now is bad too. What was bad is quietly
  // tried again each minute.
  [[nodiscard]] std::optional<Found> look(int64_t now);

 private:
  // Of certificate, key and authority.
  using Stamp = std::array<std::array<int64_t, 7>, 3>;

  Stamp stamp() const;
  std::variant<std::shared_ptr<const Context>, std::string> read(std::optional<int64_t> now) const;

  Role role_;
  CredentialFiles files_;
  Stamp loaded_{};            // of what is in use
  std::optional<Stamp> bad_;  // of what was found bad last
  bool complained_ = false;   // of it
  int64_t try_again_ = 0;     // in Unix seconds
};

}  // namespace patronus::tls
