// The directory of the write-ahead log: its lock, its segments, and what recovery makes of them. Used by one
// thread, before the node starts.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/raft/base.h"
#include "core/wal/recovery.h"
#include "io/storage/file.h"

namespace patronus {

struct LogDirectory {
  std::string path;
  File lock;  // held for the life of the process
  wal::Recovered recovered;
};

// Creates the directory if there is none, and takes its lock. The error is one line for the operator: who
// else uses it, what would do.
[[nodiscard]] std::variant<LogDirectory, std::string> lock_directory(const std::string& path);
// Reads the log into `directory.recovered`, whose verdict may be that it is corrupt: then nothing is touched.
// A new one gets the incarnation given; a torn last batch is cut and zeroed. The error is one line for the
// operator: of the disk.
[[nodiscard]] std::optional<std::string> read_log(LogDirectory& directory, Incarnation fresh);
// Both. A log that is corrupt is an error as well.
[[nodiscard]] std::variant<LogDirectory, std::string> open_log_directory(const std::string& path,
                                                                         Incarnation fresh);

// The log that an image from another node has left behind begins anew after it (core/wal/judgement.h); what
// is recovered is read again. The error is one line for the operator.
[[nodiscard]] std::optional<std::string> begin_log_anew(LogDirectory& directory, const Base& image);

[[nodiscard]] std::string segment_path(const std::string& directory, uint64_t segment);

}  // namespace patronus
