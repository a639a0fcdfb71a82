// Files that are written whole or not at all, and durably: a reader never sees half a key.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace patronus::ctl {

inline constexpr mode_t kPrivate = 0600;
inline constexpr mode_t kPublic = 0644;

enum class IfThere { kRefuse, kReplace };

// Nothing on success, else why the file was not written. A file that is there is refused, or replaced in one
// step (rename).
[[nodiscard]] std::optional<std::string> write_file(const std::string& path, std::string_view content,
                                                    mode_t mode, IfThere if_there);
struct ReadFile {
  std::string content;
  std::string error;  // empty if it was read
};
// At most kTlsFileBytesMax bytes.
[[nodiscard]] ReadFile read_small_file(const std::string& path);

// Makes the directory, for its owner alone, if it is not there. Nothing on success.
[[nodiscard]] std::optional<std::string> make_directory(const std::string& path);
[[nodiscard]] bool is_there(const std::string& path);

}  // namespace patronus::ctl
