// A cluster of one node that leads, with a disk that writes at once: for what follows from applied entries.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"

namespace patronus::test {

class LoneNode {
 public:
  static constexpr ClusterId kCluster{{1, 2}};

  // Begins with these entries after its founding, all on disk and of its first term.
  explicit LoneNode(std::vector<Entry> entries = {}, protocol::Version protocol = protocol::kNewest,
                    bool has_database = false)
      : LoneNode(boot(std::move(entries), protocol, has_database)) {}
  // With an image, written at once, and a log that is cut down to so many entries.
  static Boot with_image(size_t tail_entries) {
    Boot one = boot({}, protocol::kNewest, false);
    one.pace = {1, std::chrono::seconds(1)};
    one.retention.tail_entries = tail_entries;
    return one;
  }
  explicit LoneNode(Boot&& boot) : node_(std::move(boot), "test", now()) {
    Effects effects;
    node_.start(now(), effects);
    take(std::move(effects));
    while (!node_.raft().is_leader()) pass(node_.deadline() - mono_);
    settle();
  }

  Node& operator*() { return node_; }
  Now now() const { return {mono_, WallTime{1'700'000'000'000 + mono_.ns / 1'000'000}}; }

  void pass(Duration time) {
    mono_ = mono_ + std::max(time, Duration{0});
    step(Wake{});
  }
  // The answer to a write, once it is applied.
  std::optional<WriteResult> write(WriteOp op) {
    ClientWrite event;
    event.request = RequestId{++requests_};
    event.op = std::move(op);
    event.deadline = mono_ + std::chrono::seconds(10);
    step(std::move(event));
    settle();
    return std::exchange(answer_, std::nullopt);
  }
  bool holds_writes = false;  // the disk is at work
  // What the dashboard's database is said to be; pieces for it are taken at once, unless it holds them.
  void report(DatabaseState state, uint64_t opening = 0, std::string reason = {}) {
    step(DatabaseReport{state, opening, std::move(reason)});
  }
  bool holds_pieces = false;
  size_t pieces = 0;
  void damage_image() { step(ImageDamaged{"a bit has turned over"}); }
  // Pieces of checkpoints, which are taken at once, unless it holds them.
  bool holds_checkpoints = false;
  void take_checkpoint() { step(CheckpointTaken{}); }
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> image_faults;
  // Why the node can't go on, if it has said so.
  const std::optional<std::string>& stopped() const { return stopped_; }

 private:
  static Boot boot(std::vector<Entry> entries, protocol::Version protocol, bool has_database) {
    Boot boot;
    boot.has_database = has_database;
    boot.protocol = protocol;
    boot.id = "a";
    boot.incarnation = Incarnation{7};
    boot.election_timeout = std::chrono::milliseconds(500);
    boot.heartbeat_interval = std::chrono::milliseconds(100);
    boot.seed = 1;
    boot.hard.term = Term{1};
    boot.hard.cluster_id = kCluster;
    const Configuration alone{kCluster, {{"a", Incarnation{7}, "a:7443", "a:8443", Standing::kVoter}}};
    boot.entries.push_back(
        {Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(alone))});
    for (Entry& entry : entries) {
      entry.index = boot.entries.back().index.next();
      entry.term = Term{1};
      boot.entries.push_back(std::move(entry));
    }
    return boot;
  }
  void step(Event&& event) {
    Effects effects;
    node_.step(now(), std::move(event), effects);
    take(std::move(effects));
  }
  void take(Effects&& effects) {
    std::optional<PersistId> written;
    std::optional<uint64_t> projected;
    for (Effect& effect : effects) {
      if (const auto* piece = std::get_if<Project>(&effect)) projected = piece->opening;
      if (const auto* persist = std::get_if<Persist>(&effect)) written = persist->id;
      if (const auto* reply = std::get_if<Reply>(&effect)) {
        if (const auto* result = std::get_if<WriteResult>(&reply->answer)) answer_ = *result;
      }
      if (const auto* stop = std::get_if<Stop>(&effect)) stopped_ = stop->reason;
    }
    const bool takes = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
      return std::holds_alternative<Checkpoint>(effect);
    });
    for (Effect& effect : effects) {
      if (auto* piece = std::get_if<Checkpoint>(&effect)) checkpoints.push_back(std::move(*piece));
      const auto* notice = std::get_if<Notice>(&effect);
      if (notice != nullptr && notice->kind == NoticeKind::kImageFault) image_faults.push_back(notice->text);
    }
    if (takes && !holds_checkpoints) step(CheckpointTaken{});
    if (written && !stopped_ && !holds_writes) step(WriteDone{*written, Duration{}});
    if (projected) ++pieces;
    if (projected && !holds_pieces) step(Projected{*projected});
  }
  void settle() {
    while (!stopped_ && node_.store().applied() < node_.raft().commit()) step(Wake{});
  }

  Instant mono_{1'000'000'000};
  Node node_;
  uint64_t requests_ = 0;
  std::optional<WriteResult> answer_;
  std::optional<std::string> stopped_;
};

}  // namespace patronus::test
