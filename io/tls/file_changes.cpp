#include "io/tls/file_changes.h"

#include <sys/stat.h>

namespace patronus::tls {
namespace {

constexpr int64_t kTryAgainSeconds = 60;

}  // namespace

FileChanges::Stamps FileChanges::stamps() const {
  Stamps all;
  for (const std::string& path : paths_) {
    struct stat about{};
    Stamp stamp{};
    if (!path.empty() && stat(path.c_str(), &about) == 0) {
      stamp = {static_cast<int64_t>(about.st_dev),
               static_cast<int64_t>(about.st_ino),
               about.st_size,
               about.st_mtim.tv_sec,
               about.st_mtim.tv_nsec,
               about.st_ctim.tv_sec,
               about.st_ctim.tv_nsec};
    }
    all.push_back(stamp);
  }
  return all;
}

void FileChanges::begin() { in_use_ = stamps(); }

bool FileChanges::look(int64_t now) {
  seen_ = stamps();
  if (seen_ == in_use_ || (seen_ == bad_ && complained_ && now < try_again_)) return false;
  try_again_ = now + kTryAgainSeconds;
  return true;
}

void FileChanges::taken() {
  in_use_ = seen_;
  bad_.reset();
  complained_ = false;
}

bool FileChanges::refused() {
  const bool seen_before = seen_ == bad_;
  const bool told = seen_before && complained_;
  complained_ = seen_before;
  bad_ = seen_;
  return seen_before && !told;
}

}  // namespace patronus::tls
