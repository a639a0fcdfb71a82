// The dashboard's database: a SQLite file with a copy of some rows of the state (core/projector.h) and
// readable tables made of them, for Litestream and for other programs. Nothing decides by it, and it can be
// made again from the state at any time; so it is in WAL mode with synchronous=NORMAL, where a power cut may
// cost the last transactions but no consistency. Its own checkpoints are off, since Litestream does them
// (database.cpp).
//
// One thread at a time. No fault in it is anybody's but this node's; the caller sets a damaged file aside
// (database_files.h) and fills another one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/effect.h"
#include "io/storage/sqlite.h"
#include "io/storage/table_columns.h"

namespace patronus {

inline constexpr int kPageBytes = 4'096;

enum class DatabaseFault : uint8_t {
  kDamaged,  // what the file holds is not what was written, or it is not the file that was opened
  kForeign,  // another program's, or a later version's
  kLags,     // no room on the disk, or somebody holds the lock: the transaction is undone, and may be tried
             // again
  kFailed,   // it can't be opened or written as things are
  kStopped,  // the caller wanted a check to end
};
struct DatabaseError {
  DatabaseFault fault = DatabaseFault::kFailed;
  std::string text;
};

class Database {
 public:
  // Opens the file, and makes one if there is none. Foreign: a database of another program, or of a later
  // version; a file that is no database at all is kDamaged.
  [[nodiscard]] static std::variant<Database, DatabaseError> open(const std::string& path);
  Database(Database&&) = default;
  Database& operator=(Database&&) = delete;  // it would close the connection before its statements
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() = default;

  // One transaction: rows are put into it, and commit makes them the database's, all or none. `all`: in the
  // end there are no rows but these; those that are there and equal are left alone, so that nothing is copied
  // off site again. An error undoes the transaction.
  [[nodiscard]] std::optional<DatabaseError> begin(bool all);
  [[nodiscard]] std::optional<DatabaseError> put(const std::vector<Row>& rows);
  [[nodiscard]] std::optional<DatabaseError> commit(const Base& base, const std::string& node_id,
                                                    int64_t wall_ms);
  bool in_transaction() const { return connection_ && sqlite3_get_autocommit(connection_.get()) == 0; }
  void abandon();

  // The cheap check: the path leads to the file that is open, and header and size are right, as the file
  // itself says through SQLite's own handle (a second descriptor would, when closed, take SQLite's locks
  // away). A wrong size counts once it was seen `kDatabaseSuspicions` times in a row: a checkpoint by another
  // process grows the file after its header.
  [[nodiscard]] std::optional<DatabaseError> check();
  // The last check saw a wrong size, which does not count yet.
  bool is_suspected() const { return suspicions_ > 0; }
  // The whole check, by a connection of its own, which has nothing in memory: SQLite's integrity_check; that
  // the tables stand for the rows; that the rows are those that were written, once the database was filled in
  // this process. kStopped: `stop` became true.
  [[nodiscard]] std::optional<DatabaseError> check_all(const std::atomic<bool>& stop) const;

  // Rows written or removed by this connection so far, of any table.
  int64_t changes() const { return sqlite3_total_changes64(connection_.get()); }
  // Of the file, without what is in the WAL.
  uint64_t bytes() const;

 private:
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  explicit Database(std::string path) : path_(std::move(path)) {}
  static std::optional<Identity> identity_of(const std::string& path);
  [[nodiscard]] static std::optional<DatabaseError> look(const std::string& path, bool& is_there);
  [[nodiscard]] static std::optional<DatabaseError> create(const std::string& path);
  [[nodiscard]] std::optional<DatabaseError> connect();
  [[nodiscard]] std::optional<DatabaseError> prepare();
  [[nodiscard]] std::optional<DatabaseError> put(const Row& row);
  [[nodiscard]] std::optional<DatabaseError> erase(std::string_view key);
  // The value that stands there; SQLITE_OK or an error, as the others that return a code.
  [[nodiscard]] int find(std::string_view key, std::optional<std::string>& value);
  [[nodiscard]] int forget(std::string_view key, std::string_view old_value);
  [[nodiscard]] std::optional<DatabaseError> drop_unseen();
  // The readable tables, where rows changed.
  [[nodiscard]] std::optional<DatabaseError> derive();
  [[nodiscard]] std::optional<DatabaseError> derive_endpoints(const std::string& site);
  [[nodiscard]] int insert(SqlTable table, const Columns& columns);
  [[nodiscard]] std::optional<DatabaseError> put_meta(std::string_view key, const sqlite::Value& value);
  [[nodiscard]] std::optional<DatabaseError> shorten_wal();
  [[nodiscard]] std::optional<DatabaseError> read_header(std::string& header, uint64_t& size) const;
  DatabaseError error(std::string_view what, int code) const;
  DatabaseError undo(DatabaseError&& error);

  std::string path_;
  sqlite::Connection connection_;  // before its statements, so that they end first
  std::optional<Identity> identity_;
  std::string header_;  // what never changes of it
  int suspicions_ = 0;
  int64_t heartbeat_ms_ = 0;
  std::unique_ptr<int> wal_frames_ = std::make_unique<int>(0);  // SQLite's hook has its address
  int next_checkpoint_ = 0;
  std::optional<uint64_t> digest_;  // of all rows, once they are known

  // Of the transaction under way.
  bool all_ = false;
  uint64_t next_digest_ = 0;
  std::set<std::string, std::less<>> changed_;  // rows that the readable tables are to follow
  std::set<std::string, std::less<>> sites_;    // whose endpoints are

  sqlite::Statement begin_, commit_, rollback_;
  sqlite::Statement find_row_, put_row_, delete_row_;
  sqlite::Statement see_, forget_seen_, unseen_;
  sqlite::Statement put_meta_, delete_endpoints_;
  std::array<sqlite::Statement, kSqlTables> insert_;
  std::array<sqlite::Statement, kSqlTables> delete_;
};

// The code of a failed call as a fault, where the disk of `path` has as little room as it has.
[[nodiscard]] DatabaseError database_error(const std::string& path, std::string_view what, int code,
                                           std::string_view text);
// What is wrong with the content as this connection, which has read nothing yet, sees it
// (database_check.cpp). `digest`: the rows', if it is known.
[[nodiscard]] std::optional<DatabaseError> check_content(sqlite3* connection, const std::string& path,
                                                         const std::optional<uint64_t>& digest,
                                                         const std::atomic<bool>& stop);
[[nodiscard]] uint64_t row_digest(std::string_view key, std::string_view value);

}  // namespace patronus
