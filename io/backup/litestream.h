// Litestream, the program: what it has made of a database's generation, and databases that it brings back.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/backup/target.h"

namespace patronus::backup {

// The generation of a database that is being shipped, from the directory that Litestream keeps beside it;
// empty: none.
[[nodiscard]] std::string generation_of(const std::string& database);

// A copy of a database at a target.
struct Shipped {
  std::string program = "litestream";
  Target target;
  std::string path;     // below the target: <cluster id>/<node id>
  std::string scratch;  // a directory, for copies and what is needed on the way
  std::function<void()> meanwhile;
};

// Restores the latest there is, as a file in the scratch directory in place of one that is there; its path.
// Nothing: there is none. Else one line for the operator.
[[nodiscard]] std::variant<std::optional<std::string>, std::string> restore_latest(const Shipped& what);

// The same as of a point in time: the latest state whose last entry is not after it. Litestream ships once a
// second, so that can be a second or two before. `applied_ms` reads a copy's time of its last entry.
using AppliedAt = std::function<std::variant<int64_t, std::string>(const std::string& copy)>;
[[nodiscard]] std::variant<std::optional<std::string>, std::string> restore_at(const Shipped& what,
                                                                               int64_t at_ms,
                                                                               const AppliedAt& applied_ms);

// What litestream generations prints.
struct Generation {
  std::string name;
  int64_t start_ms = 0;
  int64_t end_ms = 0;  // whole seconds: the last piece may be up to a second later

  friend bool operator==(const Generation&, const Generation&) = default;
};
[[nodiscard]] std::vector<Generation> parse_generations(const std::string& output);

// One way of asking Litestream for a copy: a generation, whole or up to a time.
struct Ask {
  std::string generation;
  std::optional<int64_t> at_ms;

  friend bool operator==(const Ask&, const Ask&) = default;
};
// The ways to ask for what was there at this time, those that may hold the latest first; at most
// kBackupTimeTries.
[[nodiscard]] std::vector<Ask> asks_for(std::vector<Generation> generations, int64_t at_ms);

}  // namespace patronus::backup
