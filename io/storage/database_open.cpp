// How the database is made and opened, and whether the open file is still the one it was.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "io/storage/database.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

// The format of SQLite's database header: https://www.sqlite.org/fileformat2.html, section 1.3.
constexpr size_t kHeaderBytes = 100;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr size_t kPagesAt = 28;
constexpr size_t kVersionAt = 60;
constexpr size_t kApplicationAt = 68;

uint32_t big_endian(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (const char c : bytes.substr(at, 4)) number = (number << 8) | static_cast<unsigned char>(c);
  return number;
}

// Magic, page size and the format's versions; encoding, our version, application.
std::string constant_part(std::string_view header) {
  return std::string(header.substr(0, 24)) + std::string(header.substr(56, 16));
}

bool exists(const std::string& path) {
  struct stat file{};
  return ::lstat(path.c_str(), &file) == 0;
}

constexpr const char* kSettings =
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0; PRAGMA temp_store = "
    "MEMORY;"
    "PRAGMA trusted_schema = OFF; CREATE TEMP TABLE seen(key BLOB PRIMARY KEY) WITHOUT ROWID;";

constexpr const char* kFirstColumn[kSqlTables] = {"id", "site_id", "id", "id", "revision"};

}  // namespace

std::optional<Database::Identity> Database::identity_of(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return std::nullopt;
  return Identity{file.st_dev, file.st_ino};
}

// What is there, before SQLite touches it. Nothing of this process has the file open, so that closing it
// costs no lock.
std::optional<DatabaseError> Database::look(const std::string& path, bool& is_there) {
  is_there = exists(path);
  if (!is_there) {
    // It would be taken for the new one's.
    if (!exists(path + "-wal") && !exists(path + "-shm")) return std::nullopt;
    return DatabaseError{DatabaseFault::kDamaged,
                         "the database " + path + " is gone, and has left " + path + "-wal"};
  }
  std::variant<File, std::string> opened = File::open(path, O_RDONLY);
  if (auto* failed = std::get_if<std::string>(&opened)) return DatabaseError{DatabaseFault::kFailed, *failed};
  std::string header(kHeaderBytes, '\0');
  const ssize_t read = ::pread(std::get<File>(opened).fd(), header.data(), header.size(), 0);
  if (read < 0) return DatabaseError{DatabaseFault::kDamaged, error_text("read", path)};
  header.resize(static_cast<size_t>(read));
  if (header.size() < kHeaderBytes || !header.starts_with(kMagic))
    return DatabaseError{DatabaseFault::kDamaged, "what is in " + path + " is no database"};
  if (big_endian(header, kApplicationAt) != kDatabaseApplication)
    return DatabaseError{DatabaseFault::kForeign, path + " is the database of another program"};
  if (const uint32_t version = big_endian(header, kVersionAt); version != kDatabaseVersion) {
    return DatabaseError{DatabaseFault::kForeign, path + " has tables of version " + std::to_string(version) +
                                                      ", and this patronusd knows version " +
                                                      std::to_string(kDatabaseVersion)};
  }
  return std::nullopt;
}

// Under another name first, so that a database of ours is always a whole one.
std::optional<DatabaseError> Database::create(const std::string& path) {
  const std::string made = path + ".new";
  // It may have gone with all that was in it.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  for (const char* part : {"", "-wal", "-shm", "-journal"}) (void)::unlink((made + part).c_str());
  sqlite3* opened = nullptr;
  int code = sqlite3_open_v2(made.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  sqlite::Connection connection(opened);
  if (code == SQLITE_OK) {
    code = sqlite::run(opened, "PRAGMA page_size = " + std::to_string(kPageBytes) + "; BEGIN; " +
                                   database_schema() + "COMMIT; PRAGMA journal_mode = WAL;");
  }
  if (code != SQLITE_OK) return database_error(path, "create", code, sqlite3_errmsg(opened));
  if (sqlite3_close(connection.release()) != SQLITE_OK || ::rename(made.c_str(), path.c_str()) != 0)
    return DatabaseError{DatabaseFault::kFailed, error_text("create", path)};
  const std::string directory = path.substr(0, path.find_last_of('/') + 1);
  if (auto failed = sync_directory(directory.empty() ? "." : directory))
    return DatabaseError{DatabaseFault::kFailed, *failed};
  return std::nullopt;
}

std::variant<Database, DatabaseError> Database::open(const std::string& path) {
  bool is_there = false;
  if (auto failed = look(path, is_there)) return std::move(*failed);
  if (!is_there) {
    if (auto failed = create(path)) return std::move(*failed);
  }
  Database database(path);
  if (auto failed = database.connect()) return std::move(*failed);
  if (auto failed = database.prepare()) return std::move(*failed);
  std::string header;
  uint64_t size = 0;
  if (auto failed = database.read_header(header, size)) return std::move(*failed);
  database.header_ = constant_part(header);
  return database;
}

std::optional<DatabaseError> Database::connect() {
  identity_ = identity_of(path_);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  connection_.reset(opened);
  if (code != SQLITE_OK) return error("open", code);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, limits::kDatabaseBusyMs);
  // The WAL stays when this is closed: Litestream goes on from it.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  std::string mode;
  if (const int failed = sqlite::ask(opened, "PRAGMA journal_mode = WAL", mode)) return error("open", failed);
  if (mode != "wal")
    return DatabaseError{DatabaseFault::kFailed, "the database " + path_ + " can't be put into WAL mode"};
  const std::string settings =
      kSettings + ("PRAGMA cache_size = -" + std::to_string(limits::kDatabaseCacheKiB));
  if (const int failed = sqlite::run(opened, settings)) return error("open", failed);
  sqlite3_wal_hook(
      opened,
      [](void* frames, sqlite3*, const char*, int count) {
        *static_cast<int*>(frames) = count;
        return SQLITE_OK;
      },
      wal_frames_.get());
  if (!identity_ || identity_of(path_) != identity_)
    return DatabaseError{DatabaseFault::kFailed,
                         "the database " + path_ + " was replaced while it was opened"};
  return std::nullopt;
}

std::optional<DatabaseError> Database::prepare() {
  const std::pair<sqlite::Statement*, std::string_view> fixed[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&find_row_, "SELECT value FROM state_rows WHERE key = ?"},
      {&put_row_,
       "INSERT INTO state_rows VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value"},
      {&delete_row_, "DELETE FROM state_rows WHERE key = ?"},
      {&see_, "INSERT OR IGNORE INTO temp.seen VALUES(?)"},
      {&forget_seen_, "DELETE FROM temp.seen"},
      {&unseen_, "SELECT key FROM state_rows WHERE key NOT IN (SELECT key FROM temp.seen)"},
      {&put_meta_,
       "INSERT INTO meta VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value WHERE value IS "
       "NOT "
       "excluded.value"},
      {&delete_endpoints_, "DELETE FROM endpoints WHERE site_id = ?"},
  };
  for (const auto& [statement, sql] : fixed) {
    if (const int code = statement->prepare(connection_.get(), sql)) return error("read", code);
  }
  for (size_t i = 0; i < kSqlTables; ++i) {
    const auto table = static_cast<SqlTable>(i);
    const std::string name(sql_table_name(table));
    std::string values = "?";
    for (size_t column = 1; column < sql_column_count(table); ++column) values += ", ?";
    if (const int code =
            insert_[i].prepare(connection_.get(), "INSERT INTO " + name + " VALUES(" + values + ")"))
      return error("read", code);
    const std::string where = " WHERE " + std::string(kFirstColumn[i]) + " = ?";
    if (const int code = delete_[i].prepare(connection_.get(), "DELETE FROM " + name + where))
      return error("read", code);
  }
  return std::nullopt;
}

std::optional<DatabaseError> Database::read_header(std::string& header, uint64_t& size) const {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return error("read", code);
  sqlite3_int64 bytes = 0;
  header.assign(kHeaderBytes, '\0');
  code = file->pMethods->xFileSize(file, &bytes);
  if (code == SQLITE_OK)
    code = file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0);
  if (code == SQLITE_IOERR_SHORT_READ)
    return DatabaseError{DatabaseFault::kDamaged, "the database " + path_ + " is cut short"};
  if (code != SQLITE_OK) return database_error(path_, "read", code, sqlite3_errstr(code));
  size = static_cast<uint64_t>(bytes);
  return std::nullopt;
}

std::optional<DatabaseError> Database::check() {
  const std::optional<Identity> now = identity_of(path_);
  if (!now) return DatabaseError{DatabaseFault::kDamaged, "the database " + path_ + " is gone"};
  if (now != identity_) {
    return DatabaseError{DatabaseFault::kDamaged,
                         "another file has taken the place of the database " + path_};
  }
  std::string header;
  uint64_t size = 0;
  if (auto failed = read_header(header, size)) return failed;
  if (constant_part(header) != header_)
    return DatabaseError{DatabaseFault::kDamaged, "the header of the database " + path_ + " is damaged"};
  const uint64_t pages = big_endian(header, kPagesAt);
  const bool is_whole = pages > 0 && size >= pages * kPageBytes;
  suspicions_ = is_whole ? 0 : suspicions_ + 1;
  if (suspicions_ < limits::kDatabaseSuspicions) return std::nullopt;
  return DatabaseError{DatabaseFault::kDamaged, "the database " + path_ + " is cut short: it has " +
                                                    std::to_string(size) + " bytes of " +
                                                    std::to_string(pages * kPageBytes)};
}

uint64_t Database::bytes() const {
  struct stat file{};
  return ::stat(path_.c_str(), &file) == 0 ? static_cast<uint64_t>(file.st_size) : 0;
}

std::optional<DatabaseError> Database::check_all(const std::atomic<bool>& stop) const {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const sqlite::Connection connection(opened);
  if (code != SQLITE_OK) return database_error(path_, "check", code, sqlite3_errmsg(opened));
  return check_content(opened, path_, digest_, stop);
}

}  // namespace patronus
