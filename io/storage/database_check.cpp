// Whether what the database holds is whole. SQLite has no checksums: its integrity_check finds pages that are
// no pages of a table, and indexes that do not fit theirs (quick_check would not), but not a value that has
// changed. That is found by what the rows of the state must be, and the tables after them.
#include <map>
#include <utility>

#include "core/base/limits.h"
#include "io/storage/database.h"

namespace patronus {
namespace {

constexpr int kProgressSteps = 10'000;  // of SQLite's machine, between two looks at whether to stop

class Check {
 public:
  Check(sqlite3* connection, const std::string& path) : connection_(connection), path_(path) {}

  std::optional<DatabaseError> structure() {
    std::string answer;
    if (const int code = sqlite::ask(connection_, "PRAGMA integrity_check(1)", answer)) return failed(code);
    return answer == "ok" ? std::nullopt : std::optional(damaged("is damaged: " + answer));
  }

  std::optional<DatabaseError> rows(const std::optional<uint64_t>& digest) {
    sqlite::Statement all;
    if (const int code = all.prepare(connection_, "SELECT key, value FROM state_rows ORDER BY key"))
      return failed(code);
    uint64_t sum = 0;
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) {
      sum += row_digest(all.blob(0), all.blob(1));
      if (!expect(all.blob(0), all.blob(1))) return damaged("has a row of the state that makes no sense");
    }
    if (code != SQLITE_DONE) return failed(code);
    if (digest && sum != *digest) return damaged("has other rows than were written to it");
    for (const auto& [place, columns] : endpoints_)
      expected_[static_cast<size_t>(SqlTable::kEndpoints)] += hash_of(SqlTable::kEndpoints, columns);
    return std::nullopt;
  }

  std::optional<DatabaseError> table(SqlTable table) {
    const std::string name(sql_table_name(table));
    sqlite::Statement all;
    if (const int code = all.prepare(connection_, "SELECT * FROM " + name)) return failed(code);
    uint64_t sum = 0;
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) {
      Columns columns;
      for (int i = 0; i < all.columns(); ++i) columns.push_back(all.value(i));
      sum += hash_of(table, columns);
    }
    if (code != SQLITE_DONE) return failed(code);
    if (sum == expected_[static_cast<size_t>(table)]) return std::nullopt;
    return damaged("has a table " + name + " that is not what the rows of the state say");
  }

 private:
  // Notes what stands in the tables for this row.
  bool expect(std::string_view key, std::string_view value) {
    std::optional<SqlRow> row;
    if (!sql_row_of(key, value, row)) return false;
    if (row) expected_[static_cast<size_t>(row->table)] += hash_of(row->table, row->columns);
    if (const auto site = decode_site_row(key, value)) {
      for (size_t i = 0; i < site->fields.endpoints.size(); ++i)
        endpoints_[{site->id, site->fields.endpoints[i].address}] = columns_of(*site, i);
    }
    if (const auto state = decode_endpoint_row(key, value)) {
      if (const auto at = endpoints_.find(state->first); at != endpoints_.end())
        add_state(at->second, state->second);
    }
    return true;
  }
  DatabaseError damaged(const std::string& how) const {
    return {DatabaseFault::kDamaged, "the database " + path_ + " " + how};
  }
  DatabaseError failed(int code) const {
    return database_error(path_, "check", code, sqlite3_errmsg(connection_));
  }

  sqlite3* connection_;
  const std::string& path_;
  std::array<uint64_t, kSqlTables> expected_{};
  std::map<EndpointKey, Columns> endpoints_;
};

}  // namespace

std::optional<DatabaseError> check_content(sqlite3* connection, const std::string& path,
                                           const std::optional<uint64_t>& digest,
                                           const std::atomic<bool>& stop) {
  sqlite3_busy_timeout(connection, limits::kDatabaseBusyMs);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_progress_handler(
      connection, kProgressSteps,
      [](void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0; },
      const_cast<std::atomic<bool>*>(&stop));
  if (const int code = sqlite::run(connection, "PRAGMA mmap_size = 0; BEGIN"))
    return database_error(path, "check", code, sqlite3_errmsg(connection));
  Check check(connection, path);
  if (auto failed = check.structure()) return failed;
  if (auto failed = check.rows(digest)) return failed;
  for (size_t i = 0; i < kSqlTables; ++i) {
    if (auto failed = check.table(static_cast<SqlTable>(i))) return failed;
  }
  return std::nullopt;
}

}  // namespace patronus
