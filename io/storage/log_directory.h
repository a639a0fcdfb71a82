// The directory of the write-ahead log: its lock, its segments, and what recovery makes of them. Used by one
// thread, before the node starts.
#pragma once

#include <string>
#include <variant>

#include "core/wal/recovery.h"
#include "io/storage/file.h"

namespace patronus {

struct LogDirectory {
  std::string path;
  File lock;  // held for the life of the process
  wal::Recovered recovered;
};

// Opens or creates the directory. A new one gets the incarnation given; a torn last batch is cut and zeroed.
// The error is one line for the operator: who else uses the directory, what is damaged, what would do.
[[nodiscard]] std::variant<LogDirectory, std::string> open_log_directory(const std::string& path,
                                                                         Incarnation fresh);

[[nodiscard]] std::string segment_path(const std::string& directory, uint64_t segment);

}  // namespace patronus
