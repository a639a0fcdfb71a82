#include "io/storage/table_columns.h"

#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/state/rows.h"

namespace patronus {
namespace {

struct TableInfo {
  std::string_view name;
  size_t columns;
};
constexpr std::array<TableInfo, kSqlTables> kTables{
    TableInfo{"sites", 7}, {"endpoints", 8}, {"policies", 13}, {"paths", 11}, {"audit", 6}};

int64_t integer(uint64_t value) { return static_cast<int64_t>(value); }
double thousandth(uint32_t value) { return value / 1000.0; }

sqlite::Value time_or_null(int64_t unix_ms) {
  if (unix_ms == 0) return std::monostate{};
  return sql_time(unix_ms);
}

template <typename Number>
sqlite::Value or_null(const std::optional<Number>& value, double per_unit) {
  if (!value) return std::monostate{};
  return *value / per_unit;
}

std::string preference_name(PathPreference prefer) {
  switch (prefer) {
    case PathPreference::kScore:
      return "score";
    case PathPreference::kLatency:
      return "latency";
    case PathPreference::kLoss:
      return "loss";
    case PathPreference::kCost:
      return "cost";
  }
  return {};
}

std::string status_name(PathStatus status) {
  switch (status) {
    case PathStatus::kUp:
      return "up";
    case PathStatus::kDegraded:
      return "degraded";
    case PathStatus::kDown:
      return "down";
  }
  return {};
}

}  // namespace

const std::string& database_schema() {
  static const std::string kSchema = "PRAGMA application_id = " + std::to_string(kDatabaseApplication) +
                                     ";"
                                     "PRAGMA user_version = " +
                                     std::to_string(kDatabaseVersion) + R"(;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE state_rows(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sites(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, key_generation INTEGER NOT NULL, created_at TEXT NOT NULL,
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE endpoints(site_id TEXT NOT NULL, address TEXT NOT NULL, position INTEGER NOT NULL, interface_type TEXT NOT NULL,
  cost_per_gb REAL NOT NULL, reachable INTEGER, since TEXT, last_seen TEXT, PRIMARY KEY(site_id, address));
CREATE TABLE policies(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL, source_site TEXT NOT NULL,
  destination_site TEXT NOT NULL, prefer TEXT NOT NULL, max_latency_ms REAL, max_jitter_ms REAL, max_packet_loss_pct REAL,
  created_at TEXT NOT NULL, create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE paths(id TEXT PRIMARY KEY, source_site TEXT NOT NULL, source_endpoint TEXT NOT NULL,
  destination_site TEXT NOT NULL, destination_endpoint TEXT NOT NULL, status TEXT NOT NULL, latency_ms REAL NOT NULL,
  jitter_ms REAL NOT NULL, packet_loss_pct REAL NOT NULL, score INTEGER NOT NULL, since TEXT NOT NULL);
CREATE TABLE audit(revision INTEGER PRIMARY KEY, at TEXT NOT NULL, user_id TEXT NOT NULL, action TEXT NOT NULL,
  object TEXT NOT NULL, detail TEXT NOT NULL);
)";
  return kSchema;
}

std::string_view sql_table_name(SqlTable table) { return kTables[static_cast<size_t>(table)].name; }
size_t sql_column_count(SqlTable table) { return kTables[static_cast<size_t>(table)].columns; }

Columns columns_of(const Site& site) {
  return {site.id,
          site.fields.name,
          integer(site.fields.key_generation),
          sql_time(site.created_wall_ms),
          integer(site.create_revision.value),
          integer(site.mod_revision.value),
          integer(site.version)};
}

Columns columns_of(const Site& site, size_t position) {
  const SiteEndpoint& endpoint = site.fields.endpoints[position];
  return {site.id,
          endpoint.address,
          integer(position),
          endpoint.interface_type,
          static_cast<double>(endpoint.cost_per_gb_micros) / 1e6,
          std::monostate{},
          std::monostate{},
          std::monostate{}};
}

void add_state(Columns& endpoint, const EndpointState& state) {
  endpoint[5] = int64_t{state.reachable};
  endpoint[6] = time_or_null(state.since_wall_ms);
  endpoint[7] = time_or_null(state.seen_wall_ms);
}

Columns columns_of(const Policy& policy) {
  const PolicyFields& fields = policy.fields;
  return {policy.id,
          fields.name,
          int64_t{fields.enabled},
          fields.source_site,
          fields.destination_site,
          preference_name(fields.prefer),
          or_null(fields.max_latency_us, 1000.0),
          or_null(fields.max_jitter_us, 1000.0),
          or_null(fields.max_loss_ppm, 10'000.0),
          sql_time(policy.created_wall_ms),
          integer(policy.create_revision.value),
          integer(policy.mod_revision.value),
          integer(policy.version)};
}

Columns columns_of(const PathState& path) {
  const PathVerdict& verdict = path.verdict;
  return {path_id(verdict.key),           verdict.key.source_site,          verdict.key.source_endpoint,
          verdict.key.destination_site,   verdict.key.destination_endpoint, status_name(verdict.status),
          thousandth(verdict.latency_us), thousandth(verdict.jitter_us),    verdict.loss_ppm / 10'000.0,
          int64_t{verdict.score},         sql_time(path.since_wall_ms)};
}

Columns columns_of(const AuditRecord& record) {
  return {integer(record.index.value),
          sql_time(record.wall_ms),
          record.user,
          record.action,
          record.object,
          record.detail};
}

bool sql_row_of(std::string_view key, std::string_view value, std::optional<SqlRow>& row) {
  const auto take = [&](SqlTable table, const auto& decoded) {
    if (!decoded) return false;
    row = SqlRow{table, columns_of(*decoded)};
    return true;
  };
  row.reset();
  if (key.empty()) return false;
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kSite:
      return take(SqlTable::kSites, decode_site_row(key, value));
    case RowKind::kPolicy:
      return take(SqlTable::kPolicies, decode_policy_row(key, value));
    case RowKind::kPathState:
      return take(SqlTable::kPaths, decode_path_row(key, value));
    case RowKind::kAudit:
      return take(SqlTable::kAudit, decode_audit_row(key, value));
    case RowKind::kEndpointState:
      return decode_endpoint_row(key, value).has_value();
    default:
      return true;
  }
}

uint64_t hash_of(SqlTable table, const Columns& columns) {
  std::string bytes;
  Writer out(bytes);
  out.u8(static_cast<uint8_t>(table));
  for (const sqlite::Value& value : columns) {
    out.u8(static_cast<uint8_t>(value.index()));
    if (const auto* number = std::get_if<int64_t>(&value)) {
      out.i64(*number);
    } else if (const auto* real = std::get_if<double>(&value)) {
      uint64_t bits = 0;
      std::memcpy(&bits, real, sizeof bits);
      out.u64(bits);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      out.bytes(*text);
    }
  }
  return hash64(bytes);
}

std::string sql_time(int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(unix_ms % 1000));
  return std::string(text.data(), size) + fraction.data();
}

}  // namespace patronus
