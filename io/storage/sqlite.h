// Handles of SQLite's C interface that close themselves, and the few calls that the database needs. Errors
// are SQLite's extended result codes; the text is asked of the connection. One thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace patronus::sqlite {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// NULL, INTEGER, REAL, TEXT. Blobs are bound and read apart.
using Value = std::variant<std::monostate, int64_t, double, std::string>;

class Statement {
 public:
  Statement() = default;
  // SQLITE_OK, or why it can't be prepared.
  [[nodiscard]] int prepare(sqlite3* connection, std::string_view sql);

  // Binds parameter `at`, from 1. The bytes must live until the statement is run.
  void bind_blob(int at, std::string_view bytes);
  void bind_text(int at, std::string_view text);
  void bind(int at, const Value& value);
  // SQLITE_ROW, SQLITE_DONE or an error. After either of the latter it is ready to be bound and run again.
  [[nodiscard]] int step();
  // For a statement of which not all rows are wanted.
  void reset();
  // Of the row that step() gave; until the next step.
  std::string_view blob(int column) const;
  Value value(int column) const;
  int columns() const { return sqlite3_column_count(statement_.get()); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Runs statements that give no rows that matter; SQLITE_OK or an error.
[[nodiscard]] int run(sqlite3* connection, const std::string& sql);
// The first column of the first row, as text; empty if there is none. SQLITE_OK or an error.
[[nodiscard]] int ask(sqlite3* connection, const std::string& sql, std::string& answer);

}  // namespace patronus::sqlite
