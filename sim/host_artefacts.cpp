// Artefacts on a simulated machine: made from its image, kept part by part, installed before the node starts.
#include <algorithm>

#include "core/state/artefact_format.h"
#include "core/state/state_copy.h"
#include "core/wal/judgement.h"
#include "sim/host.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

void Host::make_artefact() {
  events_.after(delays_.between(profile_.sync_max, 4 * profile_.sync_max), [this, process = process_] {
    if (process != process_) return;
    ArtefactMade made;
    auto encoded = encoded_image();
    if (auto* failure = std::get_if<std::string>(&encoded)) {
      made.failure = std::move(*failure);
    } else {
      artefact_ = std::move(std::get<0>(encoded));
      made.artefact = artefact_->first;
      const std::vector<Term>& terms = disk_.durable_terms();
      artefact_terms_[{made.artefact->index, made.artefact->hash}].assign(
          terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(made.artefact->index.value));
    }
    run(process, [made](Driver& driver) { driver.artefact_made(ArtefactMade(made)); });
  });
}

std::variant<std::pair<Artefact, std::string>, std::string> Host::encoded_image() {
  const Disk::Image& image = disk_.image();
  if (disk_is_full_) return "the disk is full";
  if (!image.end.base.index) return "there is no image yet";
  std::string bytes;
  StateCopy copy(image.end, bytes);
  std::optional<std::string> wrong;
  for (auto row = image.rows.begin(); row != image.rows.end() && !wrong; ++row)
    wrong = copy.add(row->first, row->second, bytes);
  if (!wrong) wrong = copy.finish(bytes);
  if (!wrong) return std::pair(copy.artefact(), std::move(bytes));
  if (!disk_.is_damaged()) throw Violation("image", name_ + " finds damage where there is none: " + *wrong);
  ++rot_found_;
  run(process_, [reason = *wrong](Driver& driver) { driver.image_damaged(std::string(reason)); });
  return "the image is damaged: " + *wrong;
}

void Host::make_snapshot(uint64_t ticket) {
  events_.after(
      delays_.between(profile_.sync_max, 4 * profile_.sync_max), [this, process = process_, ticket] {
        if (process != process_) return;
        SnapshotAnswer answer;
        answer.ticket = ticket;
        auto encoded = encoded_image();
        if (auto* failure = std::get_if<std::string>(&encoded)) {
          answer.failure = std::move(*failure);
        } else {
          const auto& [artefact, bytes] = std::get<0>(encoded);
          const std::string id = snapshot_id(artefact);
          answer.found = {{id, artefact.index, artefact.bytes, clock().wall}};
          snapshots_[id] = {answer.found.front(), bytes};
        }
        run(process, [answer](Driver& driver) { driver.snapshot_answered(SnapshotAnswer(answer)); });
      });
}

bool Host::query_snapshots(SnapshotQuery&& query) {
  SnapshotAnswer answer;
  answer.ticket = query.ticket;
  if (query.task == SnapshotTask::kList) {
    for (const auto& [id, snapshot] : snapshots_) answer.found.push_back(snapshot.first);
  } else if (const auto at = snapshots_.find(query.id); at != snapshots_.end()) {
    const auto& info = at->second.first;
    const auto& bytes = at->second.second;
    const auto read = [&bytes](uint64_t offset, size_t bytes_max) {
      const size_t from = std::min<size_t>(offset, bytes.size());
      return std::variant<std::string, SnapshotReading::Failed>(bytes.substr(from, bytes_max));
    };
    if (query.task == SnapshotTask::kCheck || query.task == SnapshotTask::kRows) {
      answer.found = {info};
      reading_.answer(query, read, answer);
    } else if (query.task == SnapshotTask::kPart && query.offset < info.bytes) {
      answer.found = {info};
      answer.bytes = bytes.substr(query.offset, limits::kSnapshotPartBytes);
    }
  }
  events_.after(delays_.between(10us, 2ms), [this, process = process_, answer] {
    run(process, [answer](Driver& driver) { driver.snapshot_answered(SnapshotAnswer(answer)); });
  });
  return true;
}

void Host::read_part(SendPart&& wanted) {
  events_.after(delays_.between(10us, 2ms), [this, process = process_, moved = std::move(wanted)] {
    if (process != process_) return;
    std::string bytes;
    if (artefact_ && artefact_->first == moved.artefact)
      bytes = artefact_->second.substr(moved.offset, limits::kArtefactPartBytes);
    run(process, [moved, bytes](Driver& driver) { driver.part_read(moved, std::string(bytes)); });
  });
}

void Host::keep_part(ArtefactPart&& part) {
  if (!incoming_ || incoming_->first != part.artefact)
    incoming_ = {part.artefact, std::string(part.artefact.bytes, '\0')};
  PartKept kept{part.offset, disk_is_full_ ? "the disk is full" : ""};
  if (kept.failure.empty()) incoming_->second.replace(part.offset, part.bytes.size(), part.bytes.view());
  events_.after(delays_.between(10us, 2ms), [this, process = process_, kept] {
    run(process, [kept](Driver& driver) { driver.part_kept(PartKept(kept)); });
  });
}

void Host::install_artefact(const Artefact& artefact) {
  if (!incoming_ || incoming_->first != artefact)
    throw Violation("artefact", name_ + " installs what it has not fetched");
  events_.after(delays_.between(profile_.sync_min, profile_.sync_max), [this, process = process_, artefact] {
    if (process != process_ || !is_up()) return;
    disk_.keep_artefact({std::move(incoming_->second), artefact_terms_.at({artefact.index, artefact.hash})});
    end_process("ends, to begin again from the state that it has fetched");
    start_again();
  });
}

void Host::start_again() {
  events_.after(delays_.between(1ms, 50ms), [this, process = process_] {
    if (process == process_) start();
  });
}

// Power may fail while a node prepares to start, too.
bool Host::is_struck() {
  if (!(profile_.crashes || profile_.power_cuts) || !tape_.chance(100)) return false;
  ++struck_installs_;
  trace_.line(events_.now(), name_, "loses power before it has started");
  start_again();
  return true;
}

bool Host::take_what_arrived() {
  const std::optional<Disk::Arrived>& arrived = disk_.artefact();
  if (!arrived) return true;
  Disk::Image image;
  artefact::Decoder decoder([&](std::string_view key, std::string_view value) -> std::optional<std::string> {
    image.rows.emplace(key, value);
    return std::nullopt;
  });
  std::optional<std::string> fault = decoder.feed(arrived->bytes);
  if (!fault) fault = decoder.finish();
  if (fault) throw Violation("artefact", name_ + ": " + *fault);
  image.end = *decoder.end();
  if (image.end.base.index <= disk_.image().end.base.index)
    throw Violation("artefact", name_ + " has fetched a state that is older than its own");
  disk_.install(std::move(image));
  ++installs_;
  return !is_struck();
}

bool Host::begin_log_anew_if_needed(wal::Recovered& recovered) {
  const Disk::Image& image = disk_.image();
  const ImageOrigin origin{image.incarnation, image.end.base, image.installed};
  if (judge_boot(recovered, origin).verdict != BootVerdict::kLogLeftBehind) return true;
  set_disk_full(false);
  const wal::Write first = begin_log_anew(recovered, image.end.base, profile_.segment_bytes);
  disk_.begin_anew(first);
  if (is_struck()) return false;
  while (disk_.remove_one(first.segment)) {
    if (is_struck()) return false;
  }
  recovered = disk_.recover();
  return true;
}

}  // namespace patronus::sim
