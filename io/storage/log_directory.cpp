#include "io/storage/log_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "core/base/limits.h"
#include "core/wal/judgement.h"
#include "io/storage/segments.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

struct LoadedSegment {
  uint64_t segment = 0;
  std::string bytes;
};

// The numbers of all segments there are, ascending.
std::optional<std::string> list_segments(const std::string& directory, std::vector<uint64_t>& numbers) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with("wal-") || !name.ends_with(".seg") || name.size() != 24) continue;
    uint64_t number = 0;
    const char* begin = name.data() + 4;
    if (std::from_chars(begin, begin + 16, number, 16).ptr == begin + 16) numbers.push_back(number);
  }
  if (error) return "can't list " + directory + ": " + error.message();
  std::sort(numbers.begin(), numbers.end());
  return std::nullopt;
}

std::optional<std::string> load_segments(const std::string& directory, std::vector<LoadedSegment>& segments) {
  std::vector<uint64_t> numbers;
  if (auto error = list_segments(directory, numbers)) return error;
  for (const uint64_t number : numbers) {
    std::variant<File, std::string> opened = File::open(segment_path(directory, number), O_RDONLY);
    if (auto* error = std::get_if<std::string>(&opened)) return *error;
    segments.push_back({number, {}});
    if (auto error = std::get<File>(opened).read_all(segments.back().bytes, limits::kWalSegmentBytes))
      return error;
  }
  return std::nullopt;
}

// Makes what recovery found as durable as it is taken to be: the last segment is written again and synced.
// Its last batch may have been in the kernel's memory only, when the process was killed before its sync; and
// pages that a failed sync left there count as clean, so that a sync alone would not write them. Everything
// after the last batch is zeroed, so that leftovers of a torn one can never pass for a later one.
std::optional<std::string> settle(const std::string& directory, const wal::Position& position,
                                  const std::vector<LoadedSegment>& loaded) {
  const uint64_t last = loaded.back().segment;
  for (uint64_t segment = last; segment > position.segment; --segment) {
    if (::unlink(segment_path(directory, segment).c_str()) != 0 && errno != ENOENT) {
      return error_text("remove", segment_path(directory, segment));
    }
  }
  std::variant<File, std::string> opened = File::open(segment_path(directory, position.segment), O_RDWR);
  if (auto* error = std::get_if<std::string>(&opened)) return *error;
  auto& file = std::get<File>(opened);
  std::string content = loaded[position.segment - loaded.front().segment].bytes.substr(0, position.offset);
  content.resize(limits::kWalSegmentBytes, '\0');
  if (auto error = file.write_at(0, content)) return error;
  if (auto error = file.sync_data()) return error;
  return sync_directory(directory);
}

}  // namespace

std::string segment_path(const std::string& directory, uint64_t segment) {
  return directory + "/wal-" + to_hex(segment) + ".seg";
}

std::variant<LogDirectory, std::string> lock_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return "can't create " + path + ": " + error.message() + "; set PATRONUS_DATA_DIR to a writable place";
  LogDirectory directory{path, {}, {}};
  std::variant<File, std::string> lock = File::open(path + "/LOCK", O_RDWR | O_CREAT);
  if (auto* failed = std::get_if<std::string>(&lock)) return *failed;
  directory.lock = std::move(std::get<File>(lock));
  if (!directory.lock.try_lock()) {
    return "PATRONUS_DATA_DIR='" + path +
           "' is in use by another process; give each node a directory of its own";
  }
  return directory;
}

std::optional<std::string> read_log(LogDirectory& directory, Incarnation fresh) {
  std::vector<LoadedSegment> loaded;
  if (auto failed = load_segments(directory.path, loaded)) return failed;
  std::vector<wal::SegmentBytes> views;
  for (const LoadedSegment& segment : loaded) views.push_back({segment.segment, segment.bytes});
  directory.recovered = wal::recover(views);
  switch (directory.recovered.verdict) {
    case wal::Verdict::kCorrupt:
      return std::nullopt;
    case wal::Verdict::kEmpty:
      directory.recovered.incarnation = fresh;
      directory.recovered.position = wal::first_position(fresh);
      return create_segment(directory.path, fresh, directory.recovered.position);
    case wal::Verdict::kTorn:
    case wal::Verdict::kWhole:
      return settle(directory.path, directory.recovered.position, loaded);
  }
  return std::nullopt;
}

std::variant<LogDirectory, std::string> open_log_directory(const std::string& path, Incarnation fresh) {
  std::variant<LogDirectory, std::string> locked = lock_directory(path);
  if (auto* directory = std::get_if<LogDirectory>(&locked)) {
    if (auto failed = read_log(*directory, fresh)) return std::move(*failed);
    if (directory->recovered.verdict == wal::Verdict::kCorrupt)
      return "the log in " + path + " is damaged (" + directory->recovered.reason + ")";
  }
  return locked;
}

std::optional<std::string> begin_log_anew(LogDirectory& directory, const Base& image) {
  const wal::Write first = begin_log_anew(directory.recovered, image, limits::kWalSegmentBytes);
  if (auto failed = create_segment(directory.path, directory.recovered.incarnation, *first.new_segment))
    return failed;
  {
    std::variant<File, std::string> opened = File::open(segment_path(directory.path, first.segment), O_RDWR);
    if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
    auto& file = std::get<File>(opened);
    if (auto failed = file.write_at(first.offset, first.bytes)) return failed;
    if (auto failed = file.sync_data()) return failed;
  }
  std::vector<uint64_t> numbers;
  if (auto failed = list_segments(directory.path, numbers)) return failed;
  for (const uint64_t number : numbers) {
    if (number >= first.segment) break;
    const std::string path = segment_path(directory.path, number);
    if (::unlink(path.c_str()) != 0) return error_text("remove", path);
    // Each for good before the next, so that those left are without a gap whenever power fails.
    if (auto failed = sync_directory(directory.path)) return failed;
  }
  std::vector<LoadedSegment> loaded;
  if (auto failed = load_segments(directory.path, loaded)) return failed;
  std::vector<wal::SegmentBytes> views;
  for (const LoadedSegment& segment : loaded) views.push_back({segment.segment, segment.bytes});
  directory.recovered = wal::recover(views);
  if (directory.recovered.verdict == wal::Verdict::kWhole) return std::nullopt;
  return "the log in " + directory.path + " could not be begun anew: " + directory.recovered.reason;
}

}  // namespace patronus
