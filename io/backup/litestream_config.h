// The configuration of Litestream for one node's database. It is for version 0.3.13: later ones (0.5) take
// one replica to a database only.
#pragma once

#include <string>
#include <vector>

#include "io/backup/target.h"

namespace patronus::backup {

inline constexpr std::string_view kLitestreamVersion = "0.3.13";

struct LitestreamConfig {
  std::string database;  // its path
  std::string path;  // below each target: <cluster id>/<node id>, or the same as variables of the environment
  std::string metrics_addr;  // host:port where Litestream serves its own metrics; empty: nowhere
  std::vector<Target> targets;
};

// YAML, which begins with a comment that says what it is for. It holds no secret.
[[nodiscard]] std::string render(const LitestreamConfig& config);

}  // namespace patronus::backup
