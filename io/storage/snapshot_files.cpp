#include "io/storage/snapshot_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "core/base/limits.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".snapshot";

std::string place_of(const std::string& directory) { return directory + "/snapshots"; }
std::string path_of(const std::string& directory, const std::string& id) {
  return place_of(directory) + "/" + id + std::string(kSuffix);
}

// The index in an id, if it is one: nothing else ever becomes part of a path.
std::optional<Index> index_in(std::string_view id) {
  const size_t dash = id.find('-');
  if (dash == std::string_view::npos || id.size() != dash + 17) return std::nullopt;
  uint64_t index = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + dash, index);
  const bool is_hex = std::all_of(id.begin() + static_cast<std::ptrdiff_t>(dash) + 1, id.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (error != std::errc() || end != id.data() + dash || index == 0 || !is_hex) return std::nullopt;
  return Index{index};
}

std::optional<SnapshotInfo> look_at(const std::string& directory, const std::string& id) {
  const std::optional<Index> index = index_in(id);
  struct stat file{};
  if (!index || ::stat(path_of(directory, id).c_str(), &file) != 0 || file.st_size <= 0) return std::nullopt;
  const int64_t ms = int64_t{file.st_mtim.tv_sec} * 1000 + file.st_mtim.tv_nsec / 1'000'000;
  return SnapshotInfo{id, *index, static_cast<uint64_t>(file.st_size), WallTime{ms}};
}

void remove_old(const std::string& directory) {
  std::vector<SnapshotInfo> all = list_snapshots(directory);
  for (size_t i = limits::kSnapshotsKept; i < all.size(); ++i)
    ::unlink(path_of(directory, all[i].id).c_str());
}

}  // namespace

std::variant<SnapshotInfo, std::string> save_snapshot(Image& image, const std::string& directory,
                                                      const std::function<bool()>& stop) {
  const std::string place = place_of(directory);
  std::error_code error;
  fs::create_directory(place, error);
  if (error) return "can't create " + place + ": " + error.message();
  const std::string unnamed = place + "/unfinished";
  std::variant<Artefact, std::string> written = write_artefact(image, unnamed, stop);
  if (auto* failed = std::get_if<std::string>(&written)) return std::move(*failed);
  const auto& artefact = std::get<Artefact>(written);
  {
    std::variant<File, std::string> opened = File::open(unnamed, O_RDWR);
    if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
    if (auto failed = std::get<File>(opened).sync_data()) return std::move(*failed);
  }
  const std::string id = std::to_string(artefact.index.value) + "-" + to_hex(artefact.hash);
  if (std::rename(unnamed.c_str(), path_of(directory, id).c_str()) != 0)
    return error_text("create", path_of(directory, id));
  if (auto failed = sync_directory(place)) return std::move(*failed);
  remove_old(directory);
  const std::optional<SnapshotInfo> info = look_at(directory, id);
  if (!info) return "the snapshot " + path_of(directory, id) + " is gone already";
  return *info;
}

std::vector<SnapshotInfo> list_snapshots(const std::string& directory) {
  std::vector<SnapshotInfo> all;
  std::error_code error;
  for (fs::directory_iterator at(place_of(directory), error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    if (auto info = look_at(directory, name.substr(0, name.size() - kSuffix.size()))) all.push_back(*info);
  }
  std::sort(all.begin(), all.end(), [](const SnapshotInfo& a, const SnapshotInfo& b) {
    return std::pair(a.made.unix_ms, a.id) > std::pair(b.made.unix_ms, b.id);
  });
  return all;
}

SnapshotAnswer answer_query(const std::string& directory, const SnapshotQuery& query) {
  SnapshotAnswer answer;
  answer.ticket = query.ticket;
  if (query.id.empty()) {
    answer.found = list_snapshots(directory);
    return answer;
  }
  const std::optional<SnapshotInfo> info = look_at(directory, query.id);
  if (!info || query.offset >= info->bytes) return answer;
  std::variant<File, std::string> opened = File::open(path_of(directory, query.id), O_RDONLY);
  if (auto* failed = std::get_if<std::string>(&opened)) {
    answer.failure = std::move(*failed);
    return answer;
  }
  const auto& file = std::get<File>(opened);
  answer.bytes.resize(std::min<uint64_t>(limits::kSnapshotPartBytes, info->bytes - query.offset));
  for (size_t got = 0; got < answer.bytes.size();) {
    const ssize_t n = ::pread(file.fd(), answer.bytes.data() + got, answer.bytes.size() - got,
                              static_cast<off_t>(query.offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      answer.failure = error_text("read", file.path());
      return answer;
    }
    got += static_cast<size_t>(n);
  }
  answer.found = {*info};
  return answer;
}

}  // namespace patronus
