// A file descriptor that closes itself, and the few calls the log needs. Errors are returned as text with the
// path and the cause; short reads and writes are finished here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace patronus {

class File {
 public:
  File() = default;
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  // Flags as for open(2).
  [[nodiscard]] static std::variant<File, std::string> open(const std::string& path, int flags);

  // Nothing on success, else what went wrong; errno tells until the next call.
  [[nodiscard]] std::optional<std::string> write_at(uint64_t offset, std::string_view bytes);
  [[nodiscard]] std::optional<std::string> sync_data();
  // The whole content, at most size_max bytes of it.
  [[nodiscard]] std::optional<std::string> read_all(std::string& into, size_t size_max);
  // False if another process holds it.
  [[nodiscard]] bool try_lock();

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }
  void close();

 private:
  int fd_ = -1;
  std::string path_;
};

// Writes a small file whole or not at all, whatever stood there, and durably.
[[nodiscard]] std::optional<std::string> replace_file(const std::string& directory, const std::string& name,
                                                      std::string_view bytes);
// The content of a small file, at most bytes_max of it; nothing if there is no such file. Else what went
// wrong.
[[nodiscard]] std::variant<std::optional<std::string>, std::string> read_if_there(const std::string& path,
                                                                                  size_t bytes_max);
// No file is gone already.
[[nodiscard]] std::optional<std::string> remove_file(const std::string& path);
// In one step, also where there is a file of that name.
[[nodiscard]] std::optional<std::string> rename_file(const std::string& from, const std::string& to);
// Makes the entries of a directory durable.
[[nodiscard]] std::optional<std::string> sync_directory(const std::string& path);
// Whether less than `bytes` are free for the file; false if that can't be told.
[[nodiscard]] bool has_less_room(const std::string& path, uint64_t bytes);
// "can't <what> <path>: <errno in words>"; leaves errno as it was.
[[nodiscard]] std::string error_text(std::string_view what, const std::string& path);

}  // namespace patronus
