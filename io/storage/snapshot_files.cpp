#include "io/storage/snapshot_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/limits.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".snapshot";

std::string path_of(const std::string& directory, const std::string& id) {
  return snapshots_place(directory) + "/" + id + std::string(kSuffix);
}

std::optional<SnapshotInfo> look_at(const std::string& directory, const std::string& id) {
  // Nothing but a snapshot's name ever becomes part of a path.
  const std::optional<Index> index = index_in_snapshot_id(id);
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

std::variant<SnapshotInfo, ImageError> save_snapshot(Image& image, const std::string& directory,
                                                     const std::function<bool()>& stop) {
  const std::string place = snapshots_place(directory);
  std::error_code error;
  fs::create_directory(place, error);
  const auto failure = [](std::string text) { return ImageError{ImageFault::kFailed, std::move(text)}; };
  if (error) return failure("can't create " + place + ": " + error.message());
  const std::string unnamed = place + "/unfinished";
  std::variant<Artefact, ImageError> written = write_artefact(image, unnamed, stop);
  if (auto* failed = std::get_if<ImageError>(&written)) return std::move(*failed);
  const auto& artefact = std::get<Artefact>(written);
  {
    std::variant<File, std::string> opened = File::open(unnamed, O_RDWR);
    if (auto* failed = std::get_if<std::string>(&opened)) return failure(std::move(*failed));
    if (auto failed = std::get<File>(opened).sync_data()) return failure(std::move(*failed));
  }
  const std::string id = snapshot_id(artefact);
  if (auto failed = keep_snapshot(directory, unnamed, id)) return failure(std::move(*failed));
  const std::optional<SnapshotInfo> info = look_at(directory, id);
  if (!info) return failure("the snapshot " + path_of(directory, id) + " is gone already");
  return *info;
}

std::vector<SnapshotInfo> list_snapshots(const std::string& directory) {
  std::vector<SnapshotInfo> all;
  std::error_code error;
  for (fs::directory_iterator at(snapshots_place(directory), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    if (auto info = look_at(directory, name.substr(0, name.size() - kSuffix.size()))) all.push_back(*info);
  }
  std::sort(all.begin(), all.end(), [](const SnapshotInfo& a, const SnapshotInfo& b) {
    return std::pair(a.made.unix_ms, a.id) > std::pair(b.made.unix_ms, b.id);
  });
  return all;
}

std::string snapshots_place(const std::string& directory) { return directory + "/snapshots"; }

std::string snapshot_path(const std::string& directory, const std::string& id) {
  return path_of(directory, id);
}

std::optional<SnapshotInfo> find_snapshot(const std::string& directory, const std::string& id) {
  return look_at(directory, id);
}

std::optional<std::string> keep_snapshot(const std::string& directory, const std::string& path,
                                         const std::string& id) {
  if (std::rename(path.c_str(), path_of(directory, id).c_str()) != 0)
    return error_text("create", path_of(directory, id));
  if (auto failed = sync_directory(snapshots_place(directory))) return failed;
  remove_old(directory);
  return std::nullopt;
}

SnapshotAnswer answer_query(const std::string& directory, const SnapshotQuery& query) {
  SnapshotAnswer answer;
  answer.ticket = query.ticket;
  if (query.task == SnapshotTask::kList) {
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
