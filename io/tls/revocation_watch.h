// The file of revoked certificates, read again when it changes. Reading blocks, so the owner looks from a
// thread that may; a watch is used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "io/tls/file_changes.h"
#include "io/tls/named_file.h"
#include "io/tls/revocation.h"

namespace patronus::tls {

struct RevocationFiles {
  NamedFile lists;
  NamedFile authority;  // who may have signed them
};

class RevocationWatch {
 public:
  // What a look found. Nothing at all: nothing has changed.
  struct Found {
    std::shared_ptr<const RevocationLists> fresh;  // to be used from now on
    std::string line;                              // for the operator
    bool is_error = false;
  };

  explicit RevocationWatch(RevocationFiles files);

  // The first reading. An error is one line that names the variable, the path and what would do. A list that
  // has run out is taken: it still says what was revoked, and refusing to start would help nobody.
  [[nodiscard]] std::variant<std::shared_ptr<const RevocationLists>, std::string> load();

  // Whether the files have changed since; `now` in Unix seconds. A bad file is complained of once, and only
  // when it still is bad at the next look (FileChanges). A list with a lower number than that in use is bad
  // too: an old copy would take revocations back. That the lists in use have run out is said once a day.
  [[nodiscard]] std::optional<Found> look(int64_t now);

 private:
  std::variant<std::shared_ptr<const RevocationLists>, std::string> read() const;
  std::optional<Found> remind(int64_t now);

  RevocationFiles files_;
  FileChanges changes_;
  std::shared_ptr<const RevocationLists> in_use_;
  std::optional<int64_t> reminded_at_;
};

}  // namespace patronus::tls
