#include "io/storage/database.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/state/rows.h"
#include "core/state/table_rows.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

DatabaseFault fault_of(int code, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return DatabaseFault::kLags;
    case SQLITE_IOERR:
      return has_less_room(path, limits::kImageRoomBytes) ? DatabaseFault::kLags : DatabaseFault::kDamaged;
    case SQLITE_INTERRUPT:
      return DatabaseFault::kStopped;
    case SQLITE_READONLY:
      return code == SQLITE_READONLY_DBMOVED ? DatabaseFault::kDamaged : DatabaseFault::kFailed;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOMEM:
      return DatabaseFault::kFailed;
    // Also a table that is missing, and a row that is there twice: nobody but us writes here.
    default:
      return DatabaseFault::kDamaged;
  }
}

}  // namespace

DatabaseError database_error(const std::string& path, std::string_view what, int code,
                             std::string_view text) {
  return {fault_of(code, path),
          "can't " + std::string(what) + " the database " + path + ": " + std::string(text)};
}

uint64_t row_digest(std::string_view key, std::string_view value) { return hash64(key, hash64(value)); }

DatabaseError Database::error(std::string_view what, int code) const {
  return database_error(path_, what, code,
                        connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code));
}

DatabaseError Database::undo(DatabaseError&& error) {
  abandon();
  return std::move(error);
}

void Database::abandon() {
  changed_.clear();
  sites_.clear();
  if (in_transaction()) (void)rollback_.step();
}

std::optional<DatabaseError> Database::begin(bool all) {
  if (const int code = begin_.step(); code != SQLITE_DONE) return error("begin with", code);
  all_ = all;
  next_digest_ = all ? 0 : digest_.value_or(0);
  if (!all) return std::nullopt;
  if (const int code = forget_seen_.step(); code != SQLITE_DONE) return undo(error("begin with", code));
  return std::nullopt;
}

std::optional<DatabaseError> Database::put(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (auto failed = row.value ? put(row) : erase(row.key)) return undo(std::move(*failed));
  }
  return std::nullopt;
}

int Database::find(std::string_view key, std::optional<std::string>& value) {
  value.reset();
  find_row_.bind_blob(1, key);
  const int code = find_row_.step();
  if (code == SQLITE_DONE) return SQLITE_OK;
  if (code != SQLITE_ROW) return code;
  value.emplace(find_row_.blob(0));
  find_row_.reset();
  return SQLITE_OK;
}

// Before a row changes or goes: what the readable tables hold for it goes too, and comes again with the
// commit. At once, since a name that one site gives up another one may take in the same transaction.
int Database::forget(std::string_view key, std::string_view old_value) {
  if (static_cast<RowKind>(key.front()) == RowKind::kSite) sites_.emplace(key.substr(1));
  std::optional<SqlRow> row;
  if (old_value.empty() || !sql_row_of(key, old_value, row) || !row) return SQLITE_OK;
  sqlite::Statement& statement = delete_[static_cast<size_t>(row->table)];
  statement.bind(1, row->columns.front());
  const int code = statement.step();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

std::optional<DatabaseError> Database::put(const Row& row) {
  const std::string value = row.value->text();
  if (all_) {
    see_.bind_blob(1, row.key);
    if (const int code = see_.step(); code != SQLITE_DONE) return error("write", code);
  }
  std::optional<std::string> old;
  if (const int code = find(row.key, old)) return error("read", code);
  next_digest_ += row_digest(row.key, value);
  if (old && !all_) next_digest_ -= row_digest(row.key, *old);
  if (old == value) return std::nullopt;
  if (const int code = forget(row.key, old.value_or(""))) return error("write", code);
  put_row_.bind_blob(1, row.key);
  put_row_.bind_blob(2, value);
  if (const int code = put_row_.step(); code != SQLITE_DONE) return error("write", code);
  changed_.emplace(row.key);
  return std::nullopt;
}

std::optional<DatabaseError> Database::erase(std::string_view key) {
  std::optional<std::string> old;
  if (const int code = find(key, old)) return error("read", code);
  if (!old) return std::nullopt;
  if (!all_) next_digest_ -= row_digest(key, *old);
  if (const int code = forget(key, *old)) return error("write", code);
  delete_row_.bind_blob(1, key);
  if (const int code = delete_row_.step(); code != SQLITE_DONE) return error("write", code);
  changed_.emplace(key);
  return std::nullopt;
}

std::optional<DatabaseError> Database::drop_unseen() {
  std::vector<std::string> keys;
  int code = unseen_.step();
  for (; code == SQLITE_ROW; code = unseen_.step()) keys.emplace_back(unseen_.blob(0));
  if (code != SQLITE_DONE) return error("read", code);
  for (const std::string& key : keys) {
    if (auto failed = erase(key)) return failed;
  }
  return std::nullopt;
}

int Database::insert(SqlTable table, const Columns& columns) {
  sqlite::Statement& statement = insert_[static_cast<size_t>(table)];
  for (size_t i = 0; i < columns.size(); ++i) statement.bind(static_cast<int>(i + 1), columns[i]);
  const int code = statement.step();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

std::optional<DatabaseError> Database::derive() {
  for (const std::string& key : changed_) {
    std::optional<std::string> value;
    if (const int code = find(key, value)) return error("read", code);
    if (static_cast<RowKind>(key.front()) == RowKind::kEndpointState)
      sites_.insert(key.substr(1, key.find('\0', 1) - 1));
    if (!value) continue;
    std::optional<SqlRow> row;
    if (!sql_row_of(key, *value, row))
      return DatabaseError{DatabaseFault::kDamaged, "a row of " + path_ + " makes no sense"};
    if (!row) continue;
    if (const int code = insert(row->table, row->columns)) return error("write", code);
  }
  for (const std::string& site : sites_) {
    if (auto failed = derive_endpoints(site)) return failed;
  }
  changed_.clear();
  sites_.clear();
  return std::nullopt;
}

std::optional<DatabaseError> Database::derive_endpoints(const std::string& id) {
  delete_endpoints_.bind_text(1, id);
  if (const int code = delete_endpoints_.step(); code != SQLITE_DONE) return error("write", code);
  const std::string key = table_rows::site_key(id);
  std::optional<std::string> value;
  if (const int code = find(key, value)) return error("read", code);
  if (!value) return std::nullopt;
  const std::optional<Site> site = decode_site_row(key, *value);
  if (!site) return DatabaseError{DatabaseFault::kDamaged, "a site in " + path_ + " makes no sense"};
  for (size_t i = 0; i < site->fields.endpoints.size(); ++i) {
    const std::string place = table_rows::endpoint_key({id, site->fields.endpoints[i].address});
    if (const int code = find(place, value)) return error("read", code);
    Columns columns = columns_of(*site, i);
    if (value) {
      if (const auto state = decode_endpoint_row(place, *value)) add_state(columns, state->second);
    }
    if (const int code = insert(SqlTable::kEndpoints, columns)) return error("write", code);
  }
  return std::nullopt;
}

std::optional<DatabaseError> Database::put_meta(std::string_view key, const sqlite::Value& value) {
  put_meta_.bind_text(1, key);
  put_meta_.bind(2, value);
  const int code = put_meta_.step();
  return code == SQLITE_DONE ? std::nullopt : std::optional(error("write", code));
}

std::optional<DatabaseError> Database::commit(const Base& base, const std::string& node_id, int64_t wall_ms) {
  if (all_) {
    if (auto failed = drop_unseen()) return undo(std::move(*failed));
  }
  if (auto failed = derive()) return undo(std::move(*failed));
  // A little less, for a heartbeat must not be missed for coming a moment early.
  const int64_t interval = in_ms(limits::kProjectionHeartbeat) * 9 / 10;
  const bool beats = wall_ms >= heartbeat_ms_ + interval || wall_ms < heartbeat_ms_;
  const std::string cluster = base.configuration ? base.configuration->cluster_id.hex() : "";
  const std::pair<std::string_view, sqlite::Value> meta[] = {
      {"cluster_id", cluster},
      {"node_id", node_id},
      {"applied_index", static_cast<int64_t>(base.index.value)},
      {"applied_term", static_cast<int64_t>(base.term.value)},
      {"applied_lease_ms", base.stamp.lease_ms},
      {"applied_wall_ms", base.stamp.wall_ms},
      {"schema", int64_t{kDatabaseVersion}},
  };
  for (const auto& [key, value] : meta) {
    if (auto failed = put_meta(key, value)) return undo(std::move(*failed));
  }
  if (beats) {
    if (auto failed = put_meta("heartbeat_at", sql_time(wall_ms))) return undo(std::move(*failed));
  }
  if (const int code = commit_.step(); code != SQLITE_DONE) return undo(error("write", code));
  if (beats) heartbeat_ms_ = wall_ms;
  if (all_ || digest_) digest_ = next_digest_;
  all_ = false;
  return shorten_wal();
}

// Litestream keeps the WAL at a quarter of that by checkpoints of its own. Where it does not run somebody
// must; what it held a lock for is left to it.
std::optional<DatabaseError> Database::shorten_wal() {
  constexpr int kStep = 1'024;
  constexpr auto kFrames = static_cast<int>(limits::kDatabaseWalBytes / kPageBytes);
  if (*wal_frames_ < kFrames) next_checkpoint_ = kFrames;
  if (*wal_frames_ < next_checkpoint_) return std::nullopt;
  next_checkpoint_ = *wal_frames_ + kStep;
  const int code =
      sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  const bool is_harmless = code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return is_harmless ? std::nullopt : std::optional(error("write", code));
}

}  // namespace patronus
