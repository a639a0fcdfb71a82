// Whether files have changed since they were read, and whether what is wrong with them is worth a line: files
// are replaced one after the other, so only what is still bad at the next look is an error, and that is said
// once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace patronus::tls {

class FileChanges {
 public:
  // An empty path is a file that there is not.
  explicit FileChanges(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // Remembers the files as they are. To be called before they are read: a change in between shows at the next
  // look.
  void begin();
  // True if they are other files than at begin() or the last taken(), by device, inode, size and times (also
  // that of the inode, for rights that are mended make a file readable without touching it), and not
  // complained of as they are within the last minute: what is bad may become good by itself, such as a
  // certificate that was not valid yet. `now` in Unix seconds. Then exactly one of the following is to be
  // called.
  [[nodiscard]] bool look(int64_t now);
  // What look() saw is good and in use.
  void taken();
  // What look() saw is bad; true if that is to be said.
  [[nodiscard]] bool refused();

 private:
  using Stamp = std::array<int64_t, 7>;
  using Stamps = std::vector<Stamp>;

  Stamps stamps() const;

  std::vector<std::string> paths_;
  Stamps in_use_;
  Stamps seen_;
  std::optional<Stamps> bad_;  // what was found bad last
  bool complained_ = false;    // of it
  int64_t try_again_ = 0;
};

}  // namespace patronus::tls
