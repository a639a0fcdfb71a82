// Certificates that are read again when their files change. Reading blocks, so the owner looks from a thread
// that may; a watch is used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "io/tls/context.h"
#include "io/tls/file_changes.h"

namespace patronus::tls {

class CertificateWatch {
 public:
  // What a look found. Nothing at all: nothing has changed.
  struct Found {
    std::shared_ptr<const Context> fresh;  // to be used for new connections
    std::string line;                      // for the operator
    bool is_error = false;
  };

  CertificateWatch(Role role, CredentialFiles files);

  // The first reading. An error is one line that names the variable, the path and what would do.
  [[nodiscard]] std::variant<std::shared_ptr<const Context>, std::string> load();

  // Whether the files have changed since; `now` in Unix seconds. Files that are bad are complained of once,
  // and only when they still are at the next look (FileChanges). A certificate that is not valid now is bad
  // too.
  [[nodiscard]] std::optional<Found> look(int64_t now);

 private:
  std::variant<std::shared_ptr<const Context>, std::string> read(std::optional<int64_t> now) const;

  Role role_;
  CredentialFiles files_;
  FileChanges changes_;
};

}  // namespace patronus::tls
