#include "io/storage/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace patronus {

bool has_less_room(const std::string& path, uint64_t bytes) {
  struct statvfs disk{};
  const std::string directory = path.substr(0, path.find_last_of('/') + 1);
  if (::statvfs(directory.empty() ? "." : directory.c_str(), &disk) != 0) return false;
  return uint64_t{disk.f_bavail} * disk.f_frsize < bytes;
}

std::string error_text(std::string_view what, const std::string& path) {
  const int error = errno;
  std::string text = "can't ";
  text += what;
  text += ' ';
  text += path;
  text += ": ";
  text += std::strerror(error);
  errno = error;
  return text;
}

std::variant<File, std::string> File::open(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return error_text("open", path);
  return File(fd, path);
}

void File::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::optional<std::string> File::write_at(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return error_text("write", path_);
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return std::nullopt;
}

std::optional<std::string> File::sync_data() {
  if (::fdatasync(fd_) != 0) return error_text("sync", path_);
  return std::nullopt;
}

std::optional<std::string> File::read_all(std::string& into, size_t size_max) {
  into.clear();
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return error_text("look at", path_);
  into.resize(std::min(size_max, static_cast<size_t>(info.st_size)));
  size_t at = 0;
  while (at < into.size()) {
    const ssize_t n = ::pread(fd_, into.data() + at, into.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_text("read", path_);
    if (n == 0) break;
    at += static_cast<size_t>(n);
  }
  into.resize(at);
  return std::nullopt;
}

bool File::try_lock() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }

std::optional<std::string> replace_file(const std::string& directory, const std::string& name,
                                        std::string_view bytes) {
  const std::string path = directory + "/" + name;
  {
    std::variant<File, std::string> opened = File::open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC);
    if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
    auto& file = std::get<File>(opened);
    if (auto error = file.write_at(0, bytes)) return error;
    if (auto error = file.sync_data()) return error;
  }
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) return error_text("create", path);
  return sync_directory(directory);
}

std::variant<std::optional<std::string>, std::string> read_if_there(const std::string& path,
                                                                    size_t bytes_max) {
  if (::access(path.c_str(), F_OK) != 0) {
    if (errno != ENOENT) return error_text("look for", path);
    return std::optional<std::string>();
  }
  std::variant<File, std::string> opened = File::open(path, O_RDONLY);
  if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
  std::string bytes;
  if (auto failed = std::get<File>(opened).read_all(bytes, bytes_max)) return std::move(*failed);
  return std::optional<std::string>(std::move(bytes));
}

std::optional<std::string> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return std::nullopt;
  return error_text("remove", path);
}

std::optional<std::string> rename_file(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? std::nullopt : std::optional(error_text("create", to));
}

std::optional<std::string> sync_directory(const std::string& path) {
  std::variant<File, std::string> opened = File::open(path, O_RDONLY | O_DIRECTORY);
  if (const auto* error = std::get_if<std::string>(&opened)) return *error;
  if (::fsync(std::get<File>(opened).fd()) != 0) return error_text("sync", path);
  return std::nullopt;
}

}  // namespace patronus
