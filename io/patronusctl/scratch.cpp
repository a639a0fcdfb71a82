#include "io/patronusctl/scratch.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace patronus::ctl {

Scratch::Scratch(const std::string& where) {
  const char* usual = std::getenv("TMPDIR");
  std::string pattern = !where.empty() ? where : usual != nullptr && *usual != '\0' ? usual : "/tmp";
  pattern += "/patronus-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    fault_ = "can't make a directory like " + pattern + ": " + std::strerror(errno) +
             "; TMPDIR says where there is room";
    return;
  }
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

}  // namespace patronus::ctl
