#include "io/uv/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <uv.h>

#include <ctime>

namespace patronus::uv {
namespace {

double start_time() {
  static const double kStart = [] {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return static_cast<double>(wall.tv_sec) + static_cast<double>(wall.tv_nsec) / 1e9;
  }();
  return kStart;
}

double count_fds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // "." and "..", and the descriptor that reads them
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures;
  figures.start_time_seconds = start_time();
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    figures.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  size_t resident = 0;
  if (uv_resident_set_memory(&resident) == 0) figures.resident_bytes = static_cast<double>(resident);
  figures.open_fds = count_fds();
  return figures;
}

}  // namespace patronus::uv
