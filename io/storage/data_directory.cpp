#include "io/storage/data_directory.h"

#include <utility>

#include "core/base/limits.h"
#include "io/storage/artefact_files.h"
#include "io/storage/founding_note.h"

namespace patronus {
namespace {

// Why a directory can't be begun from as it is.
struct Distrust {
  std::string reason;
  bool image_alone = false;  // the log has everything
  ClusterId cluster;
};
using Attempt = std::variant<OpenedData, Distrust, std::string>;

std::string no_trust(const std::string& path, const std::string& reason, const std::string& instead) {
  return reason + "; this node can't trust " + path + " and does not start: " + instead;
}

bool is_whole_without_image(const wal::Recovered& recovered) {
  const bool has_log = recovered.verdict == wal::Verdict::kWhole || recovered.verdict == wal::Verdict::kTorn;
  return has_log && judge_boot(recovered, {}).verdict == BootVerdict::kFits;
}

// The cluster that an image is of, if it can be read at all.
ClusterId cluster_of_image(const OpenData& how) {
  const std::string path = image_path(how.path);
  if (check_readable(path, how.map_bytes)) return {};
  std::variant<Image, ImageError> opened = Image::open(path, how.map_bytes);
  auto* image = std::get_if<Image>(&opened);
  if (image == nullptr) return {};
  const std::variant<std::optional<ImageAbout>, ImageError> about = image->about();
  const auto* read = std::get_if<std::optional<ImageAbout>>(&about);
  if (read == nullptr || !*read || !(*read)->end.base.configuration) return {};
  return (*read)->end.base.configuration->cluster_id;
}

Attempt attempt(const OpenData& how, LogDirectory& directory, const std::optional<RebuildNote>& note,
                const std::optional<ClusterId>& founds) {
  if (auto failed = read_log(directory, how.incarnation())) return std::move(*failed);
  const wal::Recovered& recovered = directory.recovered;
  if (recovered.verdict == wal::Verdict::kCorrupt) {
    if (recovered.newer_format) return "the log in " + how.path + " can't be read: " + recovered.reason;
    const std::string reason = "the log in " + how.path + " is damaged (" + recovered.reason + ")";
    return Distrust{reason, false,
                    recovered.hard.cluster_id ? recovered.hard.cluster_id : cluster_of_image(how)};
  }
  if (recovered.verdict == wal::Verdict::kTorn) how.say(recovered.reason);
  const bool begins_from_it = founds && recovered.hard.cluster_id != *founds;
  const Arrival arrival = install_arrived(how.path, recovered.incarnation, recovered.hard.cluster_id,
                                          begins_from_it, how.map_bytes, how.progress, how.say);
  if (!arrival.error.empty()) return arrival.error + "; check the disk and its free space";
  std::variant<LoadedState, StateFault> state = load_state(directory, how.map_bytes, how.progress);
  if (auto* fault = std::get_if<StateFault>(&state)) {
    if (fault->kind == StateFault::Kind::kUnreadable)
      return fault->reason + "; check the disk and its free space";
    const ClusterId cluster = recovered.hard.cluster_id ? recovered.hard.cluster_id : cluster_of_image(how);
    // An image that is sound and does not fit may be of entries and votes that the log has lost.
    const bool damaged = fault->kind == StateFault::Kind::kDamaged;
    return Distrust{fault->reason, damaged && is_whole_without_image(recovered), cluster};
  }
  return OpenedData{std::move(directory), std::move(std::get<LoadedState>(state)), note, {}, arrival.refused};
}

// The cluster that shall be founded, unless it was; from nothing there is none to go on with.
std::optional<std::string> take_founding_note(const OpenData& how, OpenedData& opened) {
  std::variant<std::optional<ClusterId>, std::string> note = read_founding_note(how.path);
  if (auto* failed = std::get_if<std::string>(&note)) return std::move(*failed);
  opened.founds_anew = std::get<std::optional<ClusterId>>(note);
  if (!opened.founds_anew) return std::nullopt;
  const wal::Recovered& recovered = opened.directory.recovered;
  if (recovered.hard.cluster_id != *opened.founds_anew) {
    if (opened.state.store.applied() || !recovered.entries.empty()) return std::nullopt;
    return how.path +
           " shall begin a cluster and has nothing of one; restore the snapshot again, into an empty one";
  }
  opened.founds_anew.reset();
  return remove_founding_note(how.path);
}

}  // namespace

std::variant<OpenedData, std::string> open_data(const OpenData& how) {
  std::variant<LogDirectory, std::string> locked = lock_directory(how.path);
  if (auto* failed = std::get_if<std::string>(&locked)) return std::move(*failed);
  auto& directory = std::get<LogDirectory>(locked);
  // Without its image, then without anything: what is empty can be opened, unless the disk itself fails.
  for (int left = 2;; --left) {
    std::variant<std::optional<RebuildNote>, std::string> note = read_rebuild_note(how.path);
    if (auto* failed = std::get_if<std::string>(&note))
      return *failed + "; check the disk and its free space";
    std::variant<std::optional<ClusterId>, std::string> founds = read_founding_note(how.path);
    if (auto* failed = std::get_if<std::string>(&founds))
      return *failed + "; check the disk and its free space";
    Attempt result = attempt(how, directory, std::get<std::optional<RebuildNote>>(note),
                             std::get<std::optional<ClusterId>>(founds));
    if (auto* failed = std::get_if<std::string>(&result)) return std::move(*failed);
    if (auto* opened = std::get_if<OpenedData>(&result)) {
      const bool joined = opened->rebuild && opened->directory.recovered.hard.cluster_id;
      if (joined) {
        if (auto failed = remove_rebuild_note(how.path))
          return *failed + "; check the disk and its free space";
        opened->rebuild.reset();
      }
      if (auto failed = take_founding_note(how, *opened)) return std::move(*failed);
      return std::move(*opened);
    }
    const auto& distrust = std::get<Distrust>(result);
    if (!distrust.image_alone && !how.has_peers)
      return no_trust(how.path, distrust.reason,
                      "no other node has what it holds; check the disk, restore the directory from a copy");
    if (left == 0) return no_trust(how.path, distrust.reason, "check the disk");
    const AsideResult aside =
        distrust.image_alone ? set_image_aside(how.path) : set_aside(how.path, distrust.cluster);
    if (!aside.failure.empty()) return no_trust(how.path, distrust.reason, aside.failure);
    how.say(distrust.reason + "; it is set aside as " + aside.name + ", and " +
            (distrust.image_alone ? "the state comes from the log, which is whole"
                                  : "this node begins empty, to be given everything by the others"));
  }
}

}  // namespace patronus
