#include "io/storage/database_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "core/base/limits.h"
#include "io/storage/database.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDamaged = ".damaged-";

fs::path directory_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

// The database's file and those that belong to it, the WAL first: a database without its WAL is an older one,
// a WAL without its database would be taken for the next one's.
std::vector<fs::path> parts_of(const fs::path& directory, const std::string& name) {
  return {directory / (name + "-wal"), directory / (name + "-shm"), directory / (name + "-journal"),
          directory / ("." + name + "-litestream"), directory / name};
}

// The numbers under which databases are kept already.
std::set<size_t> numbers_aside(const fs::path& directory, const std::string& name, std::error_code& error) {
  std::set<size_t> numbers;
  const std::string prefix = name + std::string(kDamaged);
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::string one = at->path().filename().string();
    if (one.starts_with('.')) one.erase(0, 1);
    if (!one.starts_with(prefix)) continue;
    size_t number = 0;
    const char* const begin = one.data() + prefix.size();
    const auto [stop, fault] = std::from_chars(begin, one.data() + one.size(), number);
    if (fault == std::errc() && stop != begin && number <= limits::kDatabaseAsideNumberMax)
      numbers.insert(number);
  }
  return numbers;
}

bool is_empty(const std::string& path) {
  struct stat file{};
  return ::stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && file.st_size == 0;
}

// Why a node may not have its database there. What is damaged and was ours, or holds nothing, will be set
// aside.
std::optional<std::string> fault_of(const std::string& path, bool was_ours) {
  const std::variant<Database, DatabaseError> opened = Database::open(path);
  const auto* failed = std::get_if<DatabaseError>(&opened);
  if (failed == nullptr) return std::nullopt;
  switch (failed->fault) {
    case DatabaseFault::kForeign:
      return "can't be used: " + failed->text +
             "; use another file, or the version of patronusd that made it";
    case DatabaseFault::kFailed:
      return "can't be used: " + failed->text + "; use a writable place, or off for no database";
    case DatabaseFault::kDamaged:
      if (was_ours || is_empty(path)) return std::nullopt;
      return "can't be used: " + failed->text + ", and no node has had its database there; use another file";
    default:
      return std::nullopt;
  }
}

}  // namespace

std::variant<DatabaseLock, std::string> DatabaseLock::take(const std::string& path) {
  const std::string named = "PATRONUS_DB_PATH='" + path + "' ";
  std::error_code error;
  if (fs::is_directory(path, error))
    return named + "is a directory; name a file in it, such as " + path + "/dashboard.db";
  fs::create_directories(directory_of(path), error);
  if (error) {
    return named + "can't be used: can't create " + directory_of(path).string() + ": " + error.message() +
           "; use a writable place, or off for no database";
  }
  const std::string lock_path = path + ".lock";
  const bool was_ours = fs::exists(lock_path, error);
  std::variant<File, std::string> opened = File::open(lock_path, O_RDWR | O_CREAT);
  if (auto* failed = std::get_if<std::string>(&opened))
    return named + "can't be used: " + *failed + "; use a writable place, or off for no database";
  DatabaseLock lock(std::move(std::get<File>(opened)));
  if (!lock.file_.try_lock()) return named + "is in use by another process; give each node a file of its own";
  std::optional<std::string> fault = fault_of(path, was_ours);
  if (!fault) return lock;
  // Nothing may say later that what is there was ours.
  if (!was_ours) fs::remove(lock_path, error);
  return named + *fault;
}

DatabaseAside set_database_aside(const std::string& path) {
  const fs::path directory = directory_of(path);
  const std::string name = fs::path(path).filename().string();
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  std::set<size_t> numbers = numbers_aside(directory, name, error);
  if (error) return {"", "can't list " + directory.string() + ": " + error.message()};
  const size_t number = numbers.empty() ? 1 : *numbers.rbegin() + 1;
  const std::string aside = name + std::string(kDamaged) + std::to_string(number);
  const std::vector<fs::path> from = parts_of(directory, name);
  const std::vector<fs::path> to = parts_of(directory, aside);
  bool any = false;
  for (size_t i = 0; i < from.size(); ++i) {
    if (fs::symlink_status(from[i], error).type() == fs::file_type::not_found) continue;
    fs::rename(from[i], to[i], error);
    if (error) return {"", "can't set " + from[i].string() + " aside: " + error.message()};
    any = true;
  }
  if (!any) return {};
  numbers.insert(number);
  while (numbers.size() > limits::kAsideMax) {
    const std::string oldest = name + std::string(kDamaged) + std::to_string(*numbers.begin());
    for (const fs::path& part : parts_of(directory, oldest)) fs::remove_all(part, error);
    numbers.erase(numbers.begin());
  }
  if (auto failed = sync_directory(directory.string())) return {"", *failed};
  return {aside, ""};
}

}  // namespace patronus
