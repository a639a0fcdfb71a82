// Where backups go: PATRONUS_BACKUP_TARGETS, URLs separated by commas or blanks.
//
//   file:///var/backups/patronus
//   s3://bucket/prefix?region=eu-central-1
//   s3://bucket/prefix?endpoint=http://127.0.0.1:9000&force-path-style=true
//   abs://account@container/prefix?endpoint=http://127.0.0.1:10000/account
//   gcs://bucket/prefix
//
// Each also takes name=, retention=, snapshot-interval= and sync-interval=. Secrets are never part of it:
// Litestream, and what Patronus writes beside it, take them from the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"

namespace patronus::backup {

// Nothing, or in one line what went wrong.
using Fault = std::optional<std::string>;

enum class TargetKind : uint8_t { kFile, kS3, kAzure, kGcs };

struct Target {
  std::string
      name;  // unique among the targets: the kind, with a number from the second on, unless it was given
  TargetKind kind = TargetKind::kFile;
  std::string bucket;   // of S3 and GCS; Azure's container
  std::string account;  // Azure's
  std::string path;     // of a file target absolute; else a prefix without slashes at its ends, may be empty
  std::string endpoint;
  std::string region;
  bool force_path_style = false;
  Duration retention{};
  Duration snapshot_interval{};
  Duration sync_interval{};

  // As it was given, with what is a default left out.
  std::string url() const;

  friend bool operator==(const Target&, const Target&) = default;
};

// The word that Litestream's configuration calls it by: file, s3, abs, gcs.
[[nodiscard]] std::string_view word_of(TargetKind kind);

// Whether what lies there can be listed, and more be put there (open_objects); else only Litestream does.
[[nodiscard]] bool takes_objects(TargetKind kind);

// One URL. The error is one line that names what is wrong and what would do.
[[nodiscard]] std::variant<Target, std::string> parse_target(std::string_view url);
// All of them, at most limits::kBackupTargetsMax; none is an error too.
[[nodiscard]] std::variant<std::vector<Target>, std::string> parse_targets(std::string_view text);

// `more` below the target's path.
[[nodiscard]] std::string path_below(const Target& target, std::string_view more);

// Where a node ships to: <target>/<cluster id>/<node id>.
[[nodiscard]] std::string node_path(const ClusterId& cluster, const NodeId& node);

// From 32 hexadecimal digits.
[[nodiscard]] std::optional<ClusterId> parse_cluster_id(std::string_view text);

// <target>, or <target>/<cluster id>: what is behind the cluster is taken off the target's path.
struct Source {
  Target target;
  std::optional<ClusterId> cluster;

  friend bool operator==(const Source&, const Source&) = default;
};
[[nodiscard]] std::variant<Source, std::string> parse_source(std::string_view url);

}  // namespace patronus::backup
