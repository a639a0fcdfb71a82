// The files of the dashboard's database: whose they are, and where damaged ones go. Beside the database NAME
// lie SQLite's NAME-wal and NAME-shm, Litestream's directory .NAME-litestream, NAME.lock, which says that the
// database is a node's and which process has it, and what was set aside: NAME.damaged-1 and so on with files
// of the same kinds.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "io/storage/file.h"

namespace patronus {

// Held while the database is in use.
class DatabaseLock {
 public:
  // Makes the directory, and takes the lock; or says in one line that names PATRONUS_DB_PATH why a node can't
  // have its database there: it is in use, it is another program's or a later version's, or something else
  // that nobody may set aside.
  [[nodiscard]] static std::variant<DatabaseLock, std::string> take(const std::string& path);

 private:
  explicit DatabaseLock(File&& file) : file_(std::move(file)) {}
  File file_;
};

struct DatabaseAside {
  std::string name;     // under which it is kept; empty: there was nothing
  std::string failure;  // why it could not be set aside
};
// Gives the database's files, which nobody has open here, other names, so that a new one and a new generation
// of Litestream begin cleanly. Of more than limits::kAsideMax that were set aside the oldest is removed. A
// crash at any point leaves no WAL beside a database that is not its own.
[[nodiscard]] DatabaseAside set_database_aside(const std::string& path);

}  // namespace patronus
