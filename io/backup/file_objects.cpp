#include "io/backup/file_objects.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/base/limits.h"
#include "io/backup/azure_objects.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

namespace fs = std::filesystem;

// Durably; the name is given by a rename once all is there.
std::optional<std::string> copy_file(const std::string& from, const std::string& to) {
  std::variant<File, std::string> source = File::open(from, O_RDONLY);
  if (auto* failed = std::get_if<std::string>(&source)) return std::move(*failed);
  const std::string unfinished = to + ".part";
  std::variant<File, std::string> sink = File::open(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
  if (auto* failed = std::get_if<std::string>(&sink)) return std::move(*failed);
  std::string piece(limits::kMiB, '\0');
  uint64_t at = 0;
  std::optional<std::string> failed;
  while (!failed) {
    const ssize_t n =
        ::pread(std::get<File>(source).fd(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed = error_text("read", from);
    if (n <= 0) break;
    failed = std::get<File>(sink).write_at(at, std::string_view(piece).substr(0, static_cast<size_t>(n)));
    at += static_cast<uint64_t>(n);
  }
  if (!failed) failed = std::get<File>(sink).sync_data();
  if (!failed && std::rename(unfinished.c_str(), to.c_str()) != 0) failed = error_text("create", to);
  if (failed) ::unlink(unfinished.c_str());
  return failed ? failed : sync_directory(fs::path(to).parent_path().string());
}

class FileObjects : public Objects {
 public:
  explicit FileObjects(std::string directory) : directory_(std::move(directory)) {}

  std::variant<Listing, std::string> list(const std::string& folder) override {
    const std::string place = folder.empty() ? directory_ : path_of(folder);
    Listing found;
    std::error_code error;
    for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      std::error_code unclear;
      if (at->is_directory(unclear)) {
        found.folders.push_back(name);
      } else if (const uint64_t bytes = at->file_size(unclear); !unclear && !name.ends_with(".part")) {
        found.objects.push_back({name, bytes});
      }
    }
    if (error && error != std::errc::no_such_file_or_directory)
      return "can't list " + place + ": " + error.message();
    std::sort(found.folders.begin(), found.folders.end());
    std::sort(found.objects.begin(), found.objects.end(),
              [](const Object& a, const Object& b) { return a.name < b.name; });
    return found;
  }

  std::optional<std::string> put(const std::string& name, const std::string& from_file) override {
    std::error_code error;
    const fs::path folder = fs::path(path_of(name)).parent_path();
    fs::create_directories(folder, error);
    if (error) return "can't create " + folder.string() + ": " + error.message();
    return copy_file(from_file, path_of(name));
  }

  std::optional<std::string> get(const std::string& name, const std::string& to_file) override {
    return copy_file(path_of(name), to_file);
  }

  std::optional<std::string> remove(const std::string& name) override {
    if (::unlink(path_of(name).c_str()) != 0 && errno != ENOENT) return error_text("remove", path_of(name));
    return std::nullopt;
  }

 private:
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
};

}  // namespace

std::unique_ptr<Objects> open_file_objects(const std::string& directory) {
  return std::make_unique<FileObjects>(directory);
}

std::unique_ptr<Objects> open_objects(const Target& target) {
  if (target.kind == TargetKind::kFile) return open_file_objects(target.path);
  if (target.kind == TargetKind::kS3) return open_s3_objects(target);
  if (target.kind == TargetKind::kAzure) return open_azure_objects(target);
  return nullptr;
}

}  // namespace patronus::backup
