#include "io/tls/file_changes.h"

#include <sys/stat.h>

namespace patronus::tls {

FileChanges::Stamps FileChanges::stamps() const {
  Stamps all;
  for (const std::string& path : paths_) {
    struct stat about{};
    Stamp stamp{};
    if (!path.empty() && stat(path.c_str(), &about) == 0) {
      stamp = {static_cast<int64_t>(about.st_dev), static_cast<int64_t>(about.st_ino), about.st_size,
               about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
    }
    all.push_back(stamp);
  }
  return all;
}

void FileChanges::begin() { in_use_ = stamps(); }

bool FileChanges::look() {
  seen_ = stamps();
  return seen_ != in_use_ && !(seen_ == bad_ && complained_);
}

void FileChanges::taken() {
  in_use_ = seen_;
  bad_.reset();
  complained_ = false;
}

bool FileChanges::refused() {
  complained_ = seen_ == bad_;
  bad_ = seen_;
  return complained_;
}

}  // namespace patronus::tls
