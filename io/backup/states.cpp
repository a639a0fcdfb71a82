#include "io/backup/states.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/limits.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"
#include "io/storage/image.h"
#include "io/storage/load_state.h"
#include "io/storage/restore.h"

namespace patronus::backup {
namespace {

constexpr std::string_view kSuffix = ".snapshot";
constexpr int kReadTries = 5;

std::string folder_of(const ClusterId& cluster, const NodeId& node) {
  return node_path(cluster, node) + "/state";
}

}  // namespace

std::variant<std::optional<SnapshotInfo>, std::string> write_state(const std::string& data_directory,
                                                                   const ClusterId& cluster,
                                                                   const std::string& file) {
  const std::string path = image_path(data_directory);
  if (::access(path.c_str(), F_OK) != 0) return std::optional<SnapshotInfo>();
  std::string fault;
  for (int tries = 0; tries < kReadTries; ++tries) {
    std::variant<Image, ImageError> opened = Image::open_to_read(path, limits::kImageMapBytes);
    if (auto* failed = std::get_if<ImageError>(&opened)) return std::move(failed->text);
    auto& image = std::get<Image>(opened);
    const std::variant<std::optional<ImageAbout>, ImageError> about = image.about();
    if (const auto* failed = std::get_if<ImageError>(&about)) return failed->text;
    const auto& known = std::get<std::optional<ImageAbout>>(about);
    if (!known || !known->end.base.configuration || known->end.base.configuration->cluster_id != cluster)
      return std::optional<SnapshotInfo>();
    // A checkpoint that came between the image's head and its rows shows as damage.
    std::variant<Artefact, ImageError> written = write_artefact(image, file, [] { return false; });
    if (auto* failed = std::get_if<ImageError>(&written)) {
      if (failed->fault != ImageFault::kDamaged) return std::move(failed->text);
      fault = std::move(failed->text);
      continue;
    }
    std::variant<SnapshotSummary, std::string> checked = check_snapshot(file);
    if (auto* failed = std::get_if<std::string>(&checked)) {
      fault = std::move(*failed);
      continue;
    }
    const Artefact& artefact = std::get<SnapshotSummary>(checked).artefact;
    return std::optional(SnapshotInfo{snapshot_id(artefact), artefact.index, artefact.bytes, WallTime{0}});
  }
  return fault;
}

std::variant<std::vector<StateObject>, std::string> list_states(Objects& objects, const ClusterId& cluster,
                                                                const NodeId& node) {
  std::variant<Listing, std::string> listed = objects.list(folder_of(cluster, node));
  if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
  std::vector<StateObject> found;
  for (const Object& object : std::get<Listing>(listed).objects) {
    if (!object.name.ends_with(kSuffix)) continue;
    const std::optional<Index> index =
        index_in_snapshot_id(std::string_view(object.name).substr(0, object.name.size() - kSuffix.size()));
    if (index) found.push_back({folder_of(cluster, node) + "/" + object.name, *index});
  }
  std::sort(found.begin(), found.end(),
            [](const StateObject& a, const StateObject& b) { return a.index > b.index; });
  return found;
}

std::optional<std::string> put_state(Objects& objects, const ClusterId& cluster, const NodeId& node,
                                     const SnapshotInfo& state, const std::string& file, size_t kept) {
  const std::string name = folder_of(cluster, node) + "/" + state.id + std::string(kSuffix);
  std::variant<std::vector<StateObject>, std::string> listed = list_states(objects, cluster, node);
  if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
  auto& found = std::get<std::vector<StateObject>>(listed);
  const bool is_there =
      std::any_of(found.begin(), found.end(), [&](const StateObject& one) { return one.name == name; });
  if (!is_there) {
    if (auto failed = objects.put(name, file)) return failed;
    found.insert(found.begin(), {name, state.index});
  }
  for (size_t i = kept; i < found.size(); ++i) {
    if (auto failed = objects.remove(found[i].name)) return failed;
  }
  return std::nullopt;
}

}  // namespace patronus::backup
