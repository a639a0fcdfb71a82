#include "io/tls/named_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <variant>

#include "core/base/limits.h"

namespace patronus::tls {
namespace {

using Content = std::variant<std::string, int>;  // the bytes, or errno

// Without blocking on what is no file: opening a pipe for reading would wait for its writer.
Content read_path(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  struct stat about{};
  int error = fstat(fd, &about) != 0 ? errno : 0;
  if (error == 0 && !S_ISREG(about.st_mode)) error = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
  std::string content;
  std::array<char, size_t{16} * 1024> piece{};
  while (error == 0) {
    const ssize_t n = read(fd, piece.data(), piece.size());
    if (n == 0) break;
    if (n < 0) {
      error = errno == EINTR ? 0 : errno;
      continue;
    }
    content.append(piece.data(), static_cast<size_t>(n));
    if (content.size() > limits::kTlsFileBytesMax) error = EFBIG;
  }
  close(fd);
  if (error != 0) return error;
  return content;
}

}  // namespace

std::string read_file(const NamedFile& file, std::string_view remedy, std::string& content) {
  Content read = read_path(file.path);
  if (const int* error = std::get_if<int>(&read)) {
    return file.text() + " can't be read: " + std::generic_category().message(*error) + std::string(remedy);
  }
  content = std::move(std::get<std::string>(read));
  return "";
}

}  // namespace patronus::tls
