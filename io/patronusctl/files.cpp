#include "io/patronusctl/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/base/limits.h"

namespace patronus::ctl {
namespace {

std::string directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

// Nothing on success, else errno.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) content.remove_prefix(static_cast<size_t>(n));
  }
  return fsync(fd) == 0 ? 0 : errno;
}

int write_new(const std::string& path, std::string_view content, mode_t mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return errno;
  // Whatever the umask takes away or leaves.
  int error = fchmod(fd, mode) == 0 ? 0 : errno;
  if (error == 0) error = write_all(fd, content);
  close(fd);
  return error;
}

void sync_directory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

std::optional<std::string> write_file(const std::string& path, std::string_view content, mode_t mode,
                                      IfThere if_there) {
  const std::string draft = path + ".new-" + std::to_string(getpid());
  int error = write_new(draft, content, mode);
  if (error == 0 && if_there == IfThere::kReplace) {
    if (rename(draft.c_str(), path.c_str()) != 0) error = errno;
  } else if (error == 0) {
    // A link refuses a name that is taken, which a rename would not.
    if (link(draft.c_str(), path.c_str()) != 0) error = errno;
  }
  unlink(draft.c_str());
  if (error == EEXIST) return "'" + path + "' exists and is not overwritten";
  if (error != 0) return "'" + path + "' can't be written: " + std::generic_category().message(error);
  sync_directory(directory_of(path));
  return std::nullopt;
}

ReadFile read_small_file(const std::string& path) {
  std::error_code failure;
  const bool regular = std::filesystem::is_regular_file(path, failure);
  if (failure) return {"", "'" + path + "' can't be read: " + failure.message()};
  if (!regular) return {"", "'" + path + "' is no file"};
  if (std::filesystem::file_size(path, failure) > limits::kTlsFileBytesMax || failure) {
    return {"", "'" + path + "' is too large to be a key or certificate"};
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return {"", "'" + path + "' can't be read: " + std::generic_category().message(errno)};
  std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return {"", "'" + path + "' can't be read"};
  return {std::move(content), ""};
}

std::optional<std::string> make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return std::nullopt;
  const int error = errno;
  struct stat about{};
  if (error == EEXIST && stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return std::nullopt;
  return "directory '" + path + "' can't be made: " + std::generic_category().message(error);
}

bool is_there(const std::string& path) {
  struct stat about{};
  return lstat(path.c_str(), &about) == 0;
}

}  // namespace patronus::ctl
