// A database in a directory of its own, filled from a state, and asked in SQL as other programs do.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/effect.h"
#include "core/state/store.h"
#include "io/storage/database.h"

namespace patronus::test {

class DatabaseDirectory {
 public:
  DatabaseDirectory() {
    std::string pattern = ::testing::TempDir() + "patronus-database-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/dashboard.db";
  }
  ~DatabaseDirectory() { std::filesystem::remove_all(directory_); }
  DatabaseDirectory(const DatabaseDirectory&) = delete;
  DatabaseDirectory& operator=(const DatabaseDirectory&) = delete;
  const std::string& path() const { return path_; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::string path_;
};

inline Database open_database(const std::string& path) {
  std::variant<Database, DatabaseError> opened = Database::open(path);
  if (const auto* error = std::get_if<DatabaseError>(&opened)) throw std::runtime_error(error->text);
  return std::move(std::get<Database>(opened));
}

inline std::optional<DatabaseError> write(Database& database, const Project& piece) {
  if (piece.begins) {
    if (auto failed = database.begin(piece.all)) return failed;
  }
  if (auto failed = database.put(piece.rows)) return failed;
  return piece.end ? database.commit(*piece.end, "a", 1'700'000'000'000) : std::nullopt;
}

// All rows of the state, in one transaction.
inline void fill(Database& database, const Store& store) {
  Project piece;
  piece.begins = piece.all = true;
  store.for_each_projected_row(
      [&](std::string_view key, const RowValue& value) { piece.rows.push_back({std::string(key), value}); });
  piece.end = store.base();
  if (const auto failed = write(database, piece)) throw std::runtime_error(failed->text);
}

// The answer as lines of values with bars between them, by a connection of its own.
inline std::string sql(const std::string& path, const std::string& question) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const sqlite::Connection connection(opened);
  if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errstr(code));
  std::string answer;
  const auto add = [](void* text, int count, char** values, char**) {
    for (int i = 0; i < count; ++i)
      *static_cast<std::string*>(text) +=
          std::string(i > 0 ? "|" : "") + (values[i] == nullptr ? "NULL" : values[i]);
    *static_cast<std::string*>(text) += "\n";
    return 0;
  };
  if (sqlite3_exec(opened, question.c_str(), add, &answer, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(opened));
  return answer;
}

// As Litestream does: what is in the WAL goes into the file.
inline void checkpoint(const std::string& path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  const sqlite::Connection connection(opened);
  std::string busy;
  if (code != SQLITE_OK || sqlite::ask(opened, "PRAGMA wal_checkpoint(TRUNCATE)", busy) != SQLITE_OK ||
      busy != "0")
    throw std::runtime_error("no checkpoint");
}

}  // namespace patronus::test
