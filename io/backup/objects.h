// What lies at a target: folders and objects below its path. Of files, of S3 and what speaks like it, and of
// Azure; to GCS only Litestream goes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/backup/target.h"

namespace patronus::backup {

struct Object {
  std::string name;  // without the folder's
  uint64_t bytes = 0;

  friend bool operator==(const Object&, const Object&) = default;
};
// Each in ascending order of names.
struct Listing {
  std::vector<std::string> folders;
  std::vector<Object> objects;

  friend bool operator==(const Listing&, const Listing&) = default;
};

// Names are relative to the target's path, with slashes between folders. Errors are one line for the
// operator.
class Objects {
 public:
  virtual ~Objects() = default;

  // What is directly in this folder ("": the target's path itself); one that is not there is empty.
  [[nodiscard]] virtual std::variant<Listing, std::string> list(const std::string& folder) = 0;
  // Puts the content of a local file there, whole or not at all. Nothing on success.
  [[nodiscard]] virtual std::optional<std::string> put(const std::string& name,
                                                       const std::string& from_file) = 0;
  // Writes the object to a local file; what is there is replaced.
  [[nodiscard]] virtual std::optional<std::string> get(const std::string& name,
                                                       const std::string& to_file) = 0;
  // One that is not there counts as removed.
  [[nodiscard]] virtual std::optional<std::string> remove(const std::string& name) = 0;
};

// Null: of this kind of target, GCS, nothing can be listed or put. S3 takes its keys from
// LITESTREAM_ACCESS_KEY_ID and LITESTREAM_SECRET_ACCESS_KEY, or the same with AWS_, and AWS_SESSION_TOKEN;
// Azure its own from LITESTREAM_AZURE_ACCOUNT_KEY. Without them the error is the first call's.
[[nodiscard]] std::unique_ptr<Objects> open_objects(const Target& target);

// One answer of a service that lists in several.
struct ListPage {
  Listing listing;           // names in full
  std::string continuation;  // empty: it is the last
};
// The body of an answer to ListObjectsV2.
[[nodiscard]] std::variant<ListPage, std::string> parse_s3_page(std::string_view xml);

}  // namespace patronus::backup
