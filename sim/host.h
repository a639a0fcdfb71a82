// One simulated machine: the production driver on a simulated disk, wire and clock, with a process that can
// be killed, frozen, and started again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/state/snapshot_reading.h"
#include "io/driver.h"
#include "sim/database.h"
#include "sim/disk.h"
#include "sim/events.h"
#include "sim/network.h"
#include "sim/profile.h"
#include "sim/trace.h"

namespace patronus::sim {

// Where wall clocks begin.
inline constexpr int64_t kEpochMs = 1'700'000'000'000;
// By how much they are off at most, where they are.
inline constexpr int64_t kWallSkewMaxMs = 120'000;
inline int64_t draw_wall_skew(Track& tape) {
  return static_cast<int64_t>(tape.choose(2 * kWallSkewMaxMs)) - kWallSkewMaxMs;
}

inline NodeId name_of_host(HostId id) { return "n" + std::to_string(id + 1); }

// What was on the disks of those who made artefacts, by the artefact's index and hash: for the checkers, who
// want to know what a disk holds.
using ArtefactTerms = std::map<std::pair<Index, uint64_t>, std::vector<Term>>;

class Host final : private Ports {
 public:
  // Called after each thing the node did, so that checkers see every state.
  using Observer = std::function<void(const Host&)>;
  // Called when its process has ended.
  void set_on_down(Observer on_down) { on_down_ = std::move(on_down); }

  // `founded`: there is a cluster, so that a node that starts is configured with all hosts.
  // `on_removed`: the node says that it was removed, and ends.
  Host(HostId id, const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
       Observer observer, std::function<bool()> founded, Observer on_removed, ArtefactTerms& artefact_terms);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void start();
  void crash(bool power_cut);
  void wipe_disk() {
    disk_.wipe();
    database_.lose();
    founds_anew_.reset();
  }
  void damage_disk() { disk_.damage(tape_); }
  bool rot_image() { return disk_.rot(tape_); }
  // How often it found that out while it ran.
  uint64_t rot_found() const { return rot_found_; }
  // The next sync of its log fails.
  void fail_sync() { fails_sync_ = true; }
  uint64_t failed_syncs() const { return failed_syncs_; }
  void copy_disk() { disk_.copy(); }
  void roll_back_disk() {
    disk_.roll_back();
    set_disk_full(false);
  }
  // An operator's write through this node.
  void submit(WriteOp op);
  // Leaves in good order, as on SIGTERM; `after` is called when the process has ended.
  void drain(Duration grace, std::function<void()> after);
  // Ends what an operator's drain began: a node that drains is given no vote.
  void take_in_again();
  void freeze();
  void thaw();
  void set_wall_skew(int64_t ms) { wall_skew_ms_ = ms; }
  int64_t wall_skew_ms() const { return wall_skew_ms_; }
  // So many millionths its clocks are too fast. Before it starts.
  void set_clock_rate(int64_t ppm) { clock_rate_ppm_ = ppm; }
  void set_disk_slowness(Duration by) { disk_slowness_ = by; }
  // A full disk has room for the segment that was made ahead, and then for no other, nor for a checkpoint or
  // an artefact.
  void set_disk_full(bool full);
  // Nothing more is to go wrong by itself.
  void heal() {
    is_healed_ = true;
    fails_sync_ = false;
    set_disk_slowness(Duration{0});
    set_disk_full(false);
  }

  bool is_up() const { return driver_ != nullptr; }
  uint64_t checkpoints() const { return checkpoints_; }
  // The bytes of a snapshot that this node keeps, or kept; null if it does not.
  const std::string* snapshot(const std::string& id) const {
    const auto at = snapshots_.find(id);
    return at == snapshots_.end() ? nullptr : &at->second.second;
  }
  uint64_t segments_removed() const { return segments_removed_; }
  uint64_t installs() const { return installs_; }
  uint64_t struck_installs() const { return struck_installs_; }
  uint64_t disks_set_aside() const { return set_aside_; }
  // Of those, how many because they had been rolled back.
  uint64_t rollbacks_found_out() const { return found_out_; }
  const Database& database() const { return database_; }
  // This process found it so, and it has not been filled since.
  bool has_damaged_database() const { return database_is_damaged_; }
  bool has_full_disk() const { return disk_is_full_; }
  bool is_frozen() const { return frozen_; }
  uint32_t boots() const { return boots_; }
  // What its clocks show.
  Now clock() const;
  const Node& node() const { return driver_->node(); }
  Driver::Kept kept() const { return driver_->kept(); }
  const Disk& disk() const { return disk_; }
  const std::map<Term, NodeId>& votes(Incarnation incarnation) { return disk_.votes(incarnation); }
  const std::vector<Term>& wiped_terms(Incarnation incarnation) { return disk_.wiped_terms(incarnation); }
  HostId id() const { return id_; }
  // As this node last printed it; empty before.
  const std::string& setup_token() const { return setup_token_; }
  const NodeId& name() const { return name_; }

  // Streams' events, from the network. Of a frozen process they wait.
  // As Network::Hosts::on_accept().
  std::optional<ConnId> accept(Door door);
  void dialled(ConnId conn);
  void received(ConnId conn, std::string bytes);
  void end_of_input(ConnId conn);
  void ended(ConnId conn, LinkEnd how);

 private:
  // Ports
  Now now() override { return clock(); }
  Duration shown(Instant at) const;
  // When its clock will show this, or shortly after.
  Instant when_clock_shows(Instant at) const;
  void dial(ConnId conn, const std::string& address) override;
  size_t write(ConnId conn, std::string&& bytes) override;
  size_t backlog(ConnId) const override { return 0; }
  void close(ConnId conn) override { network_.close(id_, conn); }
  void pause_reading(ConnId conn, bool pause) override { network_.pause_reading(id_, conn, pause); }
  void stop_listening(Door door) override { (door == Door::kHttp ? listens_http_ : listens_peer_) = false; }
  bool hash_password(auth::PasswordJob&& job) override;
  void write_log(wal::Write&& write) override;
  void cut_log(uint64_t first_kept_segment) override;
  void checkpoint(Checkpoint&& piece) override;
  // host_name.cpp
  static Address name_of_nodes();
  static std::string numbered_address(HostId id);
  void look_up(const Address& name) override;
  // host_database.cpp
  void project(Project&& piece) override;
  void open_database(Duration after);
  // host_artefacts.cpp
  void make_artefact() override;
  void read_part(SendPart&& wanted) override;
  void keep_part(ArtefactPart&& part) override;
  void install_artefact(const Artefact& artefact) override;
  void make_snapshot(uint64_t ticket) override;
  bool query_snapshots(SnapshotQuery&& query) override;
  void set_aside(const std::string& reason, const ClusterId& cluster) override;
  void found_anew(const ClusterId& cluster) override;
  void wake_at(Instant at) override;
  void log(const Notice& notice) override;
  void drained() override;
  void stop(const std::string& reason) override;

  // Makes what arrived from another node the image, and brings log and image together, as the production
  // shell does before a node starts. False: the process ended meanwhile, and is started again.
  [[nodiscard]] bool take_what_arrived();
  [[nodiscard]] bool begin_log_anew_if_needed(wal::Recovered& recovered);
  [[nodiscard]] bool is_struck();
  void start_again();
  DriverOptions options_of(const wal::Recovered& recovered, Store&& state);
  // Does something in this process, if it is still the same and running; then flushes and shows the result.
  // The state that the image holds, if it and the log belong together; otherwise why it is none.
  std::variant<Store, std::string> load(const wal::Recovered& recovered) const;
  // The disk can't be trusted: that is a violation, unless it was damaged; then it is set aside, as by the
  // production shell, and the node begins with nothing.
  void distrust(const std::string& reason, const ClusterId& cluster);
  void write_to_disk(wal::Write&& write);
  void take_checkpoint();
  // The image as an artefact; or why there is none to be given.
  std::variant<std::pair<Artefact, std::string>, std::string> encoded_image();
  // Differs each time, also where the tape offers nothing but 0.
  uint64_t fresh_word();
  void run(uint64_t process, std::function<void(Driver&)> what);
  void after_step();
  void end_process(const char* how);
  // The process ends by itself once what it wrote is on the wire.
  void end_soon(const char* how);

  HostId id_;
  NodeId name_;
  const Profile& profile_;
  Events& events_;
  Track& tape_;
  Track& delays_;
  Network& network_;
  Trace& trace_;
  Observer observer_;
  std::function<bool()> founded_;
  Observer on_removed_;
  Observer on_down_;
  Disk disk_;
  Database database_;
  std::unique_ptr<Driver> driver_;
  std::map<std::string, std::pair<SnapshotInfo, std::string>> snapshots_;  // by id, with their bytes
  SnapshotReading
      reading_;  // of one that is restored; a world's keys are few, and are to come in several pieces
  std::optional<ClusterId> founds_anew_;  // as noted on its disk
  uint64_t process_ = 0;  // names the running process; things meant for a former one are dropped
  uint32_t boots_ = 0;
  uint64_t words_ = 0;
  uint64_t checkpoints_ = 0;
  uint64_t segments_removed_ = 0;
  ArtefactTerms& artefact_terms_;
  std::optional<std::pair<Artefact, std::string>> artefact_;  // made by this process
  std::optional<std::pair<Artefact, std::string>> incoming_;  // what it has kept of another's
  uint64_t installs_ = 0;
  uint64_t struck_installs_ = 0;
  uint64_t set_aside_ = 0;
  uint64_t rot_found_ = 0;
  uint64_t found_out_ = 0;
  bool frozen_ = false;
  std::deque<std::function<void()>> while_frozen_;
  Duration clock_offset_{};
  int64_t wall_skew_ms_ = 0;
  int64_t clock_rate_ppm_ = 0;
  Duration disk_slowness_{};
  bool database_is_damaged_ = false;
  bool disk_is_full_ = false;
  bool fails_sync_ = false;
  bool is_healed_ = false;
  uint64_t failed_syncs_ = 0;
  bool has_next_segment_ = true;
  std::deque<std::function<void()>> waits_for_room_;
  uint64_t timer_ = 0;
  Instant timer_at_ = Instant::never();
  bool flush_due_ = false;
  bool listens_http_ = true;
  bool listens_peer_ = true;
  std::function<void()> after_drain_;
  std::string setup_token_;
};

}  // namespace patronus::sim
