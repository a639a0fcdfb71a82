// The dashboard's tables as other programs read them in SQL: what the columns are, and what stands in them
// for a row of the state. The database's schema is here, so that names and order stand in one place.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/state/tables.h"
#include "io/storage/sqlite.h"

namespace patronus {

inline constexpr int kDatabaseVersion = 1;               // PRAGMA user_version
inline constexpr int kDatabaseApplication = 0x5054524e;  // PRAGMA application_id: PTRN

enum class SqlTable : uint8_t { kSites, kEndpoints, kPolicies, kPaths, kAudit };
inline constexpr size_t kSqlTables = 5;

// Creates everything in an empty database.
[[nodiscard]] const std::string& database_schema();
[[nodiscard]] std::string_view sql_table_name(SqlTable table);
[[nodiscard]] size_t sql_column_count(SqlTable table);

using Columns = std::vector<sqlite::Value>;

// In the order of the table's columns.
[[nodiscard]] Columns columns_of(const Site& site);
// Of one of a site's endpoints, without what is known of it; and what is.
[[nodiscard]] Columns columns_of(const Site& site, size_t position);
void add_state(Columns& endpoint, const EndpointState& state);
[[nodiscard]] Columns columns_of(const Policy& policy);
[[nodiscard]] Columns columns_of(const PathState& path);
[[nodiscard]] Columns columns_of(const AuditRecord& record);

// Rows of one table that a row of the state stands for, by their first column; nothing: it is none that has
// its own. Endpoints are not among them: they are made of a site's row and their own.
struct SqlRow {
  SqlTable table = SqlTable::kSites;
  Columns columns;
};
// Fails on bytes that are no such row.
[[nodiscard]] bool sql_row_of(std::string_view key, std::string_view value, std::optional<SqlRow>& row);

// Of what the columns hold, so that two sets of rows can be compared by the sums.
[[nodiscard]] uint64_t hash_of(SqlTable table, const Columns& columns);

[[nodiscard]] std::string sql_time(int64_t unix_ms);

}  // namespace patronus
