// patronus-disk: what one small durable append costs on this machine, the floor under any durable write.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/histogram.h"

namespace patronus::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct DiskOptions {
  std::string directory = ".";
  std::size_t count = 2'000;
  std::size_t bytes = 400;
  bool zeroed = true;  // Blocks that were written before: a sync then has no allocation to journal.
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// A file that is gone when this ends, however it ends.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& directory) : path_(directory + "/fdatasync-XXXXXX") {
    fd_ = mkostemp(path_.data(), O_CLOEXEC);
    if (fd_ < 0) fail(path_);
    unlink(path_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { close(fd_); }
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_ = -1;
};

void write_at(int fd, const std::vector<char>& bytes, std::size_t offset) {
  const ssize_t size = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (size != static_cast<ssize_t>(bytes.size())) fail("pwrite");
}

void prepare(int fd, const DiskOptions& options) {
  const std::size_t size = options.count * options.bytes;
  if (posix_fallocate(fd, 0, static_cast<off_t>(size)) != 0) fail("posix_fallocate");
  if (options.zeroed) write_at(fd, std::vector<char>(size, '\0'), 0);
  if (fsync(fd) != 0) fail("fsync");
}

void measure(const DiskOptions& options) {
  const ScratchFile file(options.directory);
  prepare(file.fd(), options);
  const std::vector<char> record(options.bytes, 'x');
  Histogram latency;
  for (std::size_t i = 0; i < options.count; ++i) {
    const auto start = Clock::now();
    write_at(file.fd(), record, i * options.bytes);
    if (fdatasync(file.fd()) != 0) fail("fdatasync");
    latency.record(static_cast<std::uint64_t>((Clock::now() - start).count()));
  }
  const auto micros = [&](double q) { return static_cast<double>(latency.quantile(q)) / 1e3; };
  std::printf("{\"count\":%zu,\"bytes\":%zu,\"zeroed\":%s,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
              options.count, options.bytes, options.zeroed ? "true" : "false", micros(0.5), micros(0.99),
              static_cast<double>(latency.max()) / 1e3);
}

bool parse_size(std::string_view text, std::size_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size() && out > 0 && out <= 1'000'000;
}

bool parse(int argc, char** argv, DiskOptions& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--unwritten") {
      out.zeroed = false;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* value = argv[++i];
    if (name == "--dir") {
      out.directory = value;
    } else if (name == "--count") {
      if (!parse_size(value, out.count)) return false;
    } else if (name != "--bytes" || !parse_size(value, out.bytes)) {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace patronus::bench

int main(int argc, char** argv) {
  patronus::bench::DiskOptions options;
  if (!patronus::bench::parse(argc, argv, options)) {
    std::fputs(
        "usage: patronus-disk [--dir DIR] [--count N] [--bytes N] [--unwritten]\n"
        "  appends N bytes and calls fdatasync, N times, to a file preallocated with zeros\n"
        "  --unwritten  preallocated by fallocate alone, so that each new block is journalled\n",
        stderr);
    return 2;
  }
  try {
    patronus::bench::measure(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patronus-disk: %s\n", error.what());
    return 1;
  }
}
