// The node's SQLite database, looked at by somebody else: never written to. The node makes it (its schema is
// described in ARCHITECTURE.md); here is what backups and restores read of it.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/types.h"
#include "core/raft/entry.h"

namespace patronus::backup {

// What the database says of itself, in its table meta.
struct DatabaseMeta {
  ClusterId cluster;
  NodeId node;
  Index applied;  // its rows are those of the state after this entry
  Term term;
  Stamp stamp;
  int64_t heartbeat_ms = 0;  // Unix time; 0: it has none yet

  friend bool operator==(const DatabaseMeta&, const DatabaseMeta&) = default;
};

class DatabaseView {
 public:
  // The file must be there. A live one is opened for reading alone; one that Litestream has just restored
  // needs `is_scratch`, since SQLite makes files beside it.
  [[nodiscard]] static std::variant<DatabaseView, std::string> open(const std::string& path, bool is_scratch);

  // What is read between these two is of one moment.
  [[nodiscard]] std::optional<std::string> begin();
  void end();

  [[nodiscard]] std::variant<DatabaseMeta, std::string> meta();
  // How many rows each table has, by its name.
  [[nodiscard]] std::variant<std::map<std::string, uint64_t>, std::string> counts();
  // Nothing if PRAGMA integrity_check finds nothing; else what it says first.
  [[nodiscard]] std::optional<std::string> integrity_fault();
  // The rows of the state that are in it, in ascending order of their keys.
  using VisitRow = std::function<void(std::string_view key, std::string_view value)>;
  [[nodiscard]] std::optional<std::string> state_rows(const VisitRow& visit);

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  DatabaseView(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}
  std::variant<Statement, std::string> prepare(const std::string& sql);
  std::string fault(std::string_view what) const;

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace patronus::backup
