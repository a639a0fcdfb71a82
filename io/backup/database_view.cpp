#include "io/backup/database_view.h"

#include <charconv>
#include <utility>
#include <vector>

#include "core/base/limits.h"
#include "io/backup/target.h"
#include "io/config/time_text.h"

namespace patronus::backup {
namespace {

constexpr int kBusyPatienceMs = 5'000;

std::string_view text_of(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
}

std::string_view blob_of(sqlite3_stmt* statement, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(bytes, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
}

template <typename Number>
std::optional<Number> number_of(const std::map<std::string, std::string>& values, const char* name) {
  const auto at = values.find(name);
  Number number = 0;
  if (at == values.end()) return std::nullopt;
  const char* end = at->second.data() + at->second.size();
  const auto [stopped, error] = std::from_chars(at->second.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

std::variant<DatabaseView, std::string> DatabaseView::open(const std::string& path, bool is_scratch) {
  sqlite3* opened = nullptr;
  const int how = is_scratch ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nullptr);
  DatabaseView view(path, opened);
  if (code != SQLITE_OK) return view.fault("open");
  sqlite3_busy_timeout(opened, kBusyPatienceMs);
  return view;
}

std::string DatabaseView::fault(std::string_view what) const {
  const std::string why = database_ == nullptr ? "no memory" : sqlite3_errmsg(database_.get());
  return "can't " + std::string(what) + " the database " + path_ + ": " + why;
}

std::variant<DatabaseView::Statement, std::string> DatabaseView::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    return fault("read");
  return Statement(statement);
}

std::optional<std::string> DatabaseView::begin() {
  if (sqlite3_exec(database_.get(), "BEGIN", nullptr, nullptr, nullptr) != SQLITE_OK) return fault("read");
  return std::nullopt;
}

void DatabaseView::end() { sqlite3_exec(database_.get(), "COMMIT", nullptr, nullptr, nullptr); }

std::variant<DatabaseMeta, std::string> DatabaseView::meta() {
  std::variant<Statement, std::string> prepared = prepare("SELECT key, value FROM meta LIMIT 100");
  if (auto* failed = std::get_if<std::string>(&prepared)) return std::move(*failed);
  sqlite3_stmt* statement = std::get<Statement>(prepared).get();
  std::map<std::string, std::string> values;
  int code = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW)
    values.emplace(text_of(statement, 0), text_of(statement, 1));
  if (code != SQLITE_DONE) return fault("read");
  const std::optional<ClusterId> cluster = parse_cluster_id(values["cluster_id"]);
  const auto applied = number_of<uint64_t>(values, "applied_index");
  const auto term = number_of<uint64_t>(values, "applied_term");
  const auto lease = number_of<int64_t>(values, "applied_lease_ms");
  const auto wall = number_of<int64_t>(values, "applied_wall_ms");
  if (!cluster || !is_node_id(values["node_id"]) || !applied || !term || !lease || !wall)
    return "the database " + path_ + " does not say of which cluster and entry it is";
  return DatabaseMeta{*cluster,    values["node_id"],    Index{*applied},
                      Term{*term}, Stamp{*lease, *wall}, parse_time(values["heartbeat_at"]).value_or(0)};
}

std::variant<std::map<std::string, uint64_t>, std::string> DatabaseView::counts() {
  std::vector<std::string> tables;
  {
    std::variant<Statement, std::string> prepared = prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND name NOT LIKE '\\_litestream\\_%' ESCAPE '\\' ORDER BY name");
    if (auto* failed = std::get_if<std::string>(&prepared)) return std::move(*failed);
    sqlite3_stmt* statement = std::get<Statement>(prepared).get();
    int code = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && tables.size() < limits::kBackupTablesMax)
      tables.emplace_back(text_of(statement, 0));
    if (code != SQLITE_DONE) return fault("read");
  }
  std::map<std::string, uint64_t> counted;
  for (const std::string& table : tables) {
    if (table.find('"') != std::string::npos) return "the database " + path_ + " has a table of an odd name";
    std::variant<Statement, std::string> prepared = prepare("SELECT count(*) FROM \"" + table + "\"");
    if (auto* failed = std::get_if<std::string>(&prepared)) return std::move(*failed);
    sqlite3_stmt* statement = std::get<Statement>(prepared).get();
    if (sqlite3_step(statement) != SQLITE_ROW) return fault("read");
    counted.emplace(table, static_cast<uint64_t>(sqlite3_column_int64(statement, 0)));
  }
  return counted;
}

std::optional<std::string> DatabaseView::integrity_fault() {
  std::variant<Statement, std::string> prepared = prepare("PRAGMA integrity_check(1)");
  if (auto* failed = std::get_if<std::string>(&prepared)) return std::move(*failed);
  sqlite3_stmt* statement = std::get<Statement>(prepared).get();
  if (sqlite3_step(statement) != SQLITE_ROW) return fault("check");
  const std::string_view said = text_of(statement, 0);
  if (said != "ok") return "the database " + path_ + " is damaged: " + std::string(said.substr(0, 300));
  return std::nullopt;
}

std::optional<std::string> DatabaseView::state_rows(const VisitRow& visit) {
  std::variant<Statement, std::string> prepared = prepare("SELECT key, value FROM state_rows ORDER BY key");
  if (auto* failed = std::get_if<std::string>(&prepared)) return std::move(*failed);
  sqlite3_stmt* statement = std::get<Statement>(prepared).get();
  int code = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) visit(blob_of(statement, 0), blob_of(statement, 1));
  return code == SQLITE_DONE ? std::nullopt : std::optional(fault("read"));
}

}  // namespace patronus::backup
