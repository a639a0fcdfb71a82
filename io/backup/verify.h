// Whether what a target has can be restored and is what the node has.
#pragma once

#include <string>

#include "io/backup/mailbox.h"
#include "io/backup/target.h"

namespace patronus::backup {

struct Verify {
  std::string database;  // the node's, which runs
  std::string scratch;   // an empty directory with room for a database
  std::string litestream = "litestream";
};
// Restores the copy, runs PRAGMA integrity_check on it, and compares its applied index and the row counts of
// all its tables with those that the live database had at that index. Takes as long as that takes.
[[nodiscard]] VerifyReport verify(const Verify& what, const Target& target);

}  // namespace patronus::backup
