#include "io/storage/image.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

constexpr uint32_t kFormat = 2;  // 1 did not say whether it was installed; it never was
constexpr const char* kRowsName = "rows";
constexpr const char* kAboutName = "about";
constexpr std::string_view kAboutKey = "image";

MDB_val value_of(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::string encode_about(const ImageAbout& about) {
  std::string bytes;
  Writer out(bytes);
  out.u32(kFormat);
  out.u64(about.incarnation.value);
  encode(out, about.end.base);
  out.u64(about.end.state_hash);
  out.u64(about.rows);
  out.boolean(about.installed);
  out.u32(crc32c(bytes));
  return bytes;
}

std::optional<ImageAbout> decode_about(std::string_view bytes) {
  if (bytes.size() < 4 ||
      Reader(bytes.substr(bytes.size() - 4)).u32() != crc32c(bytes.substr(0, bytes.size() - 4)))
    return std::nullopt;
  Reader in(bytes.substr(0, bytes.size() - 4));
  ImageAbout about;
  const uint32_t format = in.u32();
  if (format < 1 || format > kFormat) in.fail();
  about.incarnation = Incarnation{in.u64()};
  about.end.base = decode_base(in);
  about.end.state_hash = in.u64();
  about.rows = in.u64();
  if (format > 1) about.installed = in.boolean();
  if (!in.done()) return std::nullopt;
  return about;
}

bool is_newer(std::string_view bytes) {
  Reader in(bytes);
  const bool whole = bytes.size() > 4 && Reader(bytes.substr(bytes.size() - 4)).u32() ==
                                             crc32c(bytes.substr(0, bytes.size() - 4));
  return whole && in.u32() > kFormat;
}

bool is_damage(int code) {
  return code == MDB_CORRUPTED || code == MDB_INVALID || code == MDB_VERSION_MISMATCH ||
         code == MDB_PAGE_NOTFOUND || code == MDB_INCOMPATIBLE || code == MDB_BAD_DBI;
}

// LMDB calls a write that a full disk cut short an input/output error (mdb_page_flush).
}  // namespace

ImageError Image::error(std::string_view what, int code) const {
  const bool full = code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT ||
                    (code == EIO && has_less_room(path_, limits::kImageRoomBytes));
  std::string text = "can't " + std::string(what) + " the image " + path_ + ": " + mdb_strerror(code);
  return {full              ? ImageFault::kFull
          : is_damage(code) ? ImageFault::kDamaged
                            : ImageFault::kFailed,
          std::move(text)};
}

std::optional<ImageError> Image::open_environment(unsigned flags, size_t map_bytes) {
  MDB_env* environment = nullptr;
  if (const int code = mdb_env_create(&environment)) return error("prepare", code);
  environment_.reset(environment);
  mdb_env_set_mapsize(environment, map_bytes);
  mdb_env_set_maxdbs(environment, 2);
  // Without thread-local readers: a reader belongs to its transaction, whichever thread has that.
  if (const int code = mdb_env_open(environment, path_.c_str(), MDB_NOSUBDIR | MDB_NOTLS | flags, 0600))
    return error("open", code);
  // Pages past the file's end would be fatal to touch.
  MDB_envinfo info{};
  MDB_stat page{};
  struct stat file{};
  mdb_env_info(environment, &info);
  mdb_env_stat(environment, &page);
  const bool looked = ::stat(path_.c_str(), &file) == 0;
  if (looked && static_cast<size_t>(file.st_size) < (info.me_last_pgno + 1) * page.ms_psize)
    return ImageError{ImageFault::kDamaged, "the image " + path_ + " is cut short"};
  return std::nullopt;
}

std::optional<ImageError> Image::open_tables(bool read_only) {
  Transaction transaction;
  if (auto failed = start(read_only, transaction)) return failed;
  for (const auto& [name, handle] : {std::pair(kRowsName, &rows_), std::pair(kAboutName, &about_)}) {
    if (const int code = mdb_dbi_open(transaction.get(), name, read_only ? 0U : MDB_CREATE, handle))
      return error("open", code);
  }
  if (const int code = mdb_txn_commit(transaction.release())) return error("open", code);
  return std::nullopt;
}

std::variant<Image, ImageError> Image::open(const std::string& path, size_t map_bytes) {
  Image image(path);
  if (auto failed = image.open_environment(0, map_bytes)) return std::move(*failed);
  if (auto failed = image.open_tables(false)) return std::move(*failed);
  return image;
}

std::variant<Image, ImageError> Image::open_to_read(const std::string& path, size_t map_bytes) {
  Image image(path);
  if (auto failed = image.open_environment(MDB_RDONLY, map_bytes)) return std::move(*failed);
  if (auto failed = image.open_tables(true)) return std::move(*failed);
  return image;
}

std::optional<ImageError> Image::start(bool read_only, Transaction& transaction) {
  MDB_txn* begun = nullptr;
  if (const int code = mdb_txn_begin(environment_.get(), nullptr, read_only ? MDB_RDONLY : 0U, &begun))
    return error("begin with", code);
  transaction.reset(begun);
  return std::nullopt;
}

std::variant<std::optional<ImageAbout>, ImageError> Image::about() {
  Transaction transaction;
  if (auto failed = start(true, transaction)) return *failed;
  MDB_val key = value_of(kAboutKey);
  MDB_val value{};
  const int code = mdb_get(transaction.get(), about_, &key, &value);
  MDB_stat rows{};
  if (const int failed = mdb_stat(transaction.get(), rows_, &rows)) return error("read", failed);
  const ImageError damaged{ImageFault::kDamaged, "the image " + path_ + " does not say what it holds"};
  if (code == MDB_NOTFOUND) {
    if (rows.ms_entries > 0) return damaged;
    return std::optional<ImageAbout>();
  }
  if (code != 0) return error("read", code);
  if (is_newer(view(value)))
    return ImageError{ImageFault::kNewer, "a later version of patronusd has written the image " + path_};
  std::optional<ImageAbout> about = decode_about(view(value));
  if (!about || about->rows != rows.ms_entries) return damaged;
  return about;
}

std::optional<ImageError> Image::read(const ReadRow& row) {
  Transaction transaction;
  if (auto failed = start(true, transaction)) return failed;
  MDB_cursor* opened = nullptr;
  if (const int code = mdb_cursor_open(transaction.get(), rows_, &opened)) return error("read", code);
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(opened, mdb_cursor_close);
  MDB_val key{};
  MDB_val value{};
  int code = mdb_cursor_get(cursor.get(), &key, &value, MDB_FIRST);
  for (; code == 0; code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT)) {
    if (const std::optional<std::string> reason = row(view(key), view(value))) return damaged(*reason);
  }
  return code == MDB_NOTFOUND ? std::nullopt : std::optional(error("read", code));
}

std::optional<ImageError> Image::begin() { return start(false, transaction_); }

std::optional<ImageError> Image::write(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (std::optional<ImageError> failed = write(row)) {
      abandon();
      return failed;
    }
  }
  return std::nullopt;
}

std::optional<ImageError> Image::write(const Row& row) {
  MDB_val key = value_of(row.key);
  if (!row.value) {
    const int code = mdb_del(transaction_.get(), rows_, &key, nullptr);
    return code == 0 || code == MDB_NOTFOUND ? std::nullopt : std::optional(error("write", code));
  }
  MDB_val value{row.value->size(), nullptr};
  if (const int code = mdb_put(transaction_.get(), rows_, &key, &value, MDB_RESERVE))
    return error("write", code);
  auto* place = static_cast<char*>(value.mv_data);
  std::memcpy(place, row.value->head.data(), row.value->head.size());
  const std::string_view tail = row.value->tail.view();
  if (!tail.empty()) std::memcpy(place + row.value->head.size(), tail.data(), tail.size());
  return std::nullopt;
}

std::optional<ImageError> Image::settle(const ImageAbout& about) {
  if (std::optional<ImageError> failed = begin()) return failed;
  return commit(about.incarnation, about.end);
}

std::optional<ImageError> Image::commit(Incarnation incarnation, const CheckpointEnd& end, bool installed) {
  Transaction transaction = std::move(transaction_);
  MDB_stat rows{};
  if (const int code = mdb_stat(transaction.get(), rows_, &rows)) return error("write", code);
  const std::string bytes = encode_about({incarnation, end, rows.ms_entries, installed});
  MDB_val key = value_of(kAboutKey);
  MDB_val value = value_of(bytes);
  if (const int code = mdb_put(transaction.get(), about_, &key, &value, 0)) return error("write", code);
  if (const int code = mdb_txn_commit(transaction.release())) return error("write", code);
  return std::nullopt;
}

std::optional<ImageError> check_readable(const std::string& path, size_t map_bytes) {
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return ImageError{ImageFault::kFailed, std::string("can't fork: ") + std::strerror(errno)};
  if (child == 0) {
    // The lock of the data directory must not outlive the node in here, or whoever starts it again at once is
    // told that it runs; nor must this reading.
    (void)::close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    // Whatever it finds, the parent will find it too; only coming to an end counts here.
    std::variant<Image, ImageError> opened = Image::open(path, map_bytes);
    if (auto* image = std::get_if<Image>(&opened)) {
      uint32_t sum = 0;
      (void)image->about();
      (void)image->read([&sum](std::string_view key, std::string_view value) -> std::optional<std::string> {
        sum = crc32c(key, crc32c(value, sum));
        return std::nullopt;
      });
    }
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  return ImageError{ImageFault::kDamaged,
                    "the image " + path + " is damaged so badly that reading it ends a process"};
}

}  // namespace patronus
