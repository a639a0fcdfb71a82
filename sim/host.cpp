#include "sim/host.h"

#include <algorithm>
#include <charconv>

#include "core/base/hash.h"
#include "core/wal/judgement.h"
#include "sim/sim_crypto.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

// How long a burst of arrivals may last before the loop flushes: it lets several events share a flush, as one
// turn of the production loop does.
constexpr Duration kTurn = 20us;

}  // namespace

Host::Host(HostId id, const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
           Observer observer, std::function<bool()> founded, Observer on_removed,
           ArtefactTerms& artefact_terms)
    : id_(id),
      name_(name_of_host(id)),
      profile_(profile),
      events_(events),
      tape_(tape.track(name_of_host(id))),
      delays_(tape.track(name_of_host(id) + "-delays")),
      network_(network),
      trace_(trace),
      observer_(std::move(observer)),
      founded_(std::move(founded)),
      on_removed_(std::move(on_removed)),
      artefact_terms_(artefact_terms) {
  // Monotonic clocks of different machines have nothing to do with each other.
  clock_offset_ = tape_.between(0s, 1000s);
}

std::variant<Store, std::string> Host::load(const wal::Recovered& recovered) const {
  const Disk::Image& image = disk_.image();
  const Judgement judgement = judge_boot(recovered, {image.incarnation, image.end.base, image.installed});
  if (judgement.verdict != BootVerdict::kFits) return "image and log: " + judgement.reason;
  if (!image.end.base.index) return Store{};
  StoreLoader loader(image.end.base);
  for (const auto& [key, value] : image.rows) {
    if (const std::optional<std::string> error = loader.add(key, value)) return "image: " + *error;
  }
  return std::move(loader).finish(image.end.state_hash);
}

void Host::distrust(const std::string& reason, const ClusterId& cluster) {
  if (!disk_.is_damaged()) throw Violation("recovery", name_ + ": " + reason);
  trace_.line(events_.now(), name_, "sets its disk aside: " + reason);
  disk_.set_aside(cluster);
  ++set_aside_;
  start();
}

uint64_t Host::fresh_word() { return hash64(name_, ++words_) ^ tape_.word(); }

void Host::start() {
  if (is_up()) return;
  wal::Recovered recovered = disk_.recover();
  const std::optional<Configuration>& imaged = disk_.image().end.base.configuration;
  const ClusterId cluster = recovered.hard.cluster_id ? recovered.hard.cluster_id
                            : imaged                  ? imaged->cluster_id
                                                      : ClusterId{};
  if (recovered.verdict == wal::Verdict::kCorrupt) return distrust(recovered.reason, cluster);
  if (recovered.verdict == wal::Verdict::kEmpty) {
    recovered.incarnation = Incarnation{fresh_word() | 1};
    recovered.position = wal::first_position(recovered.incarnation);
    set_disk_full(false);  // what can't be made, no process starts with
    disk_.create(recovered.incarnation);
  }
  if (!take_what_arrived() || !begin_log_anew_if_needed(recovered)) return;
  std::variant<Store, std::string> loaded = load(recovered);
  if (const auto* reason = std::get_if<std::string>(&loaded)) return distrust(*reason, cluster);
  auto& state = std::get<Store>(loaded);
  disk_.settle();
  disk_.trust();
  database_is_damaged_ = false;
  if (recovered.hard.cluster_id) disk_.forget_note();
  ++process_;
  ++boots_;
  listens_http_ = true;
  listens_peer_ = true;
  timer_at_ = Instant::never();
  flush_due_ = false;
  artefact_.reset();
  incoming_.reset();
  reading_ = SnapshotReading(1 + id_ % 3);
  if (trace_.keeps()) {
    trace_.line(events_.now(), name_,
                "starts with an image of entry " + std::to_string(state.applied().value) + " and " +
                    std::to_string(recovered.entries.size()) + " entries, term " +
                    std::to_string(recovered.hard.term.value) +
                    (recovered.verdict == wal::Verdict::kTorn ? ", after a tear" : ""));
  }
  Ports& ports = *this;
  driver_ = std::make_unique<Driver>(options_of(recovered, std::move(state)), ports);
  driver_->start();
  if (!has_next_segment_) driver_->log_is_full(true);
  if (profile_.databases) open_database(delays_.between(1ms, 20ms));
  observer_(*this);
}

void Host::crash(bool power_cut) {
  if (!is_up()) return;
  driver_.reset();
  ++process_;
  frozen_ = false;
  while_frozen_.clear();
  size_t lost = 0;
  // A killed process leaves its write to the kernel, which may still finish it; what counts is that nobody
  // was told. A power cut loses what was not synced, sector by sector. Both are any subset.
  lost = disk_.crash(tape_);
  if (profile_.databases) database_.crash(tape_);
  if (trace_.keeps()) {
    trace_.line(
        events_.now(), name_,
        std::string(power_cut ? "loses power" : "is killed") + ", " + std::to_string(lost) + " sectors lost");
  }
  network_.host_died(id_, !power_cut);
  if (on_down_) on_down_(*this);
}

void Host::drain(Duration grace, std::function<void()> after) {
  after_drain_ = std::move(after);
  run(process_, [this, grace](Driver& driver) {
    trace_.line(events_.now(), name_, "is told to stop");
    driver.drain(grace);
  });
}

void Host::submit(WriteOp op) {
  run(process_, [moved = std::move(op)](Driver& driver) { driver.submit(WriteOp(moved), 4s); });
}

void Host::take_in_again() {
  run(process_, [](Driver& driver) { (void)driver.drain_for_operator(false, "the operator"); });
}

void Host::drained() { end_soon("has left in good order"); }

void Host::end_process(const char* how) {
  trace_.line(events_.now(), name_, how);
  driver_.reset();
  ++process_;
  frozen_ = false;
  while_frozen_.clear();
  (void)disk_.crash(tape_);
  if (profile_.databases) database_.crash(tape_);
  network_.host_died(id_, true);
  if (on_down_) on_down_(*this);
}

void Host::end_soon(const char* how) {
  events_.after(kTurn, [this, how, process = process_] {
    if (process != process_ || !is_up()) return;
    end_process(how);
    if (after_drain_) std::exchange(after_drain_, nullptr)();
  });
}

void Host::freeze() {
  if (!is_up() || frozen_) return;
  frozen_ = true;
  trace_.line(events_.now(), name_, "freezes");
  observer_(*this);
}

void Host::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  trace_.line(events_.now(), name_, "thaws");
  for (std::function<void()>& what : std::exchange(while_frozen_, {})) what();
}

void Host::run(uint64_t process, std::function<void(Driver&)> what) {
  if (process != process_ || !is_up()) return;
  if (frozen_) {
    while_frozen_.emplace_back([this, process, moved = std::move(what)] { run(process, moved); });
    return;
  }
  what(*driver_);
  after_step();
}

void Host::after_step() {
  observer_(*this);
  if (flush_due_) return;
  flush_due_ = true;
  events_.after(kTurn, [this, process = process_] {
    if (process != process_ || !is_up()) return;
    flush_due_ = false;
    if (frozen_) {
      while_frozen_.emplace_back([this, process] { run(process, [](Driver&) {}); });
      return;
    }
    driver_->flush();
    observer_(*this);
  });
}

std::optional<ConnId> Host::accept(Door door) {
  // A frozen process's kernel still completes connections, but nobody takes them up; that is left to the
  // dialler.
  if (!is_up() || frozen_ || !(door == Door::kHttp ? listens_http_ : listens_peer_)) return std::nullopt;
  const ConnId conn = driver_->accepted(door, {});
  after_step();
  return conn;
}

void Host::dialled(ConnId conn) {
  run(process_, [conn](Driver& driver) { driver.dialled(conn); });
}
void Host::received(ConnId conn, std::string bytes) {
  run(process_, [conn, moved = std::move(bytes)](Driver& driver) { driver.received(conn, moved); });
}
void Host::end_of_input(ConnId conn) {
  run(process_, [conn](Driver& driver) { driver.end_of_input(conn); });
}
void Host::ended(ConnId conn, LinkEnd how) {
  run(process_, [conn, how](Driver& driver) { driver.ended(conn, how); });
}

// The time since the world began, as a clock that goes at this host's rate shows it.
Duration Host::shown(Instant at) const { return Duration{at.ns + at.ns / 1'000'000 * clock_rate_ppm_}; }

Instant Host::when_clock_shows(Instant at) const {
  const int64_t wanted = (at - clock_offset_).ns;
  const int64_t rate = 1'000'000 + clock_rate_ppm_;
  if (clock_rate_ppm_ == 0) return Instant{wanted};
  return Instant{(wanted / rate + 1) * 1'000'000};
}

Now Host::clock() const {
  const Duration time = shown(events_.now());
  return {Instant{} + clock_offset_ + time, WallTime{kEpochMs + time / 1ms + wall_skew_ms_}};
}

void Host::dial(ConnId conn, const std::string& address) {
  // "n2:7443", or a number's last part.
  uint32_t number = 0;
  const size_t colon = address.rfind(':');
  const size_t begin = address.find_last_not_of("0123456789", colon - 1) + 1;
  std::from_chars(address.data() + begin, address.data() + colon, number);
  network_.dial(id_, conn, number - 1, Door::kPeer);
}

size_t Host::write(ConnId conn, std::string&& bytes) {
  const size_t size = bytes.size();
  network_.write(id_, conn, std::move(bytes));
  return size;
}

// What is stored of a password here is its hash with nothing to slow a guess down; the time is drawn.
bool Host::hash_password(auth::PasswordJob&& job) {
  auth::PasswordDone done{job.id, auth::PasswordOutcome::kDone, {}};
  const std::string stored = "sim:" + to_hex(hash64(job.password));
  if (job.task == auth::PasswordTask::kHash) {
    done.hash = stored;
  } else if (stored != job.stored) {
    done.outcome = auth::PasswordOutcome::kDiffers;
  }
  events_.after(delays_.between(1ms, 30ms), [this, process = process_, moved = std::move(done)] {
    run(process, [moved](Driver& driver) { driver.password_done(auth::PasswordDone(moved)); });
  });
  return true;
}

void Host::set_disk_full(bool full) {
  if (std::exchange(disk_is_full_, full) == full) return;
  trace_.line(events_.now(), name_, full ? "has a full disk" : "has room on its disk again");
  if (full) return;
  const bool was_told = !std::exchange(has_next_segment_, true);
  for (std::function<void()>& what : std::exchange(waits_for_room_, {})) what();
  if (was_told) run(process_, [](Driver& driver) { driver.log_is_full(false); });
}

void Host::write_log(wal::Write&& write) {
  if (has_next_segment_ || !write.new_segment) {
    if (write.new_segment && disk_is_full_) {
      has_next_segment_ = false;
      events_.after(1ms, [this, process = process_] {
        if (process != process_ || has_next_segment_) return;
        run(process_, [](Driver& driver) { driver.log_is_full(true); });
      });
    }
    return write_to_disk(std::move(write));
  }
  waits_for_room_.emplace_back([this, process = process_, moved = std::move(write)] {
    if (process == process_) write_to_disk(wal::Write(moved));
  });
}

void Host::write_to_disk(wal::Write&& write) {
  disk_.write(std::move(write));
  const Duration took = delays_.between(profile_.sync_min, profile_.sync_max) + disk_slowness_;
  events_.after(took, [this, process = process_, took] {
    if (process != process_) return;
    // A sync that failed is final (scenario 19). Of what it was to make durable anything may be there.
    if (std::exchange(fails_sync_, false)) {
      ++failed_syncs_;
      end_process("can't sync its log, and ends");
      return start_again();
    }
    // The disk works on while a process is frozen; only the news of it waits.
    disk_.synced();
    run(process, [took](Driver& driver) { driver.log_written(took); });
  });
}

// One segment after the other, each for good before the next.
void Host::cut_log(uint64_t first_kept_segment) {
  events_.after(delays_.between(profile_.sync_min, profile_.sync_max),
                [this, process = process_, first_kept_segment] {
                  if (process != process_ || !disk_.remove_one(first_kept_segment)) return;
                  ++segments_removed_;
                  cut_log(first_kept_segment);
                });
}

void Host::checkpoint(Checkpoint&& piece) {
  disk_.take(std::move(piece));
  if (!disk_is_full_) return take_checkpoint();
  waits_for_room_.emplace_back([this, process = process_] {
    if (process == process_) take_checkpoint();
  });
}

void Host::take_checkpoint() {
  const Duration took = delays_.between(profile_.sync_min, 2 * profile_.sync_max) + disk_slowness_;
  events_.after(took, [this, process = process_] {
    if (process != process_) return;
    if (disk_.commits()) {
      disk_.checkpointed();
      ++checkpoints_;
    }
    run(process, [](Driver& driver) { driver.checkpoint_taken(); });
  });
}

void Host::wake_at(Instant at) {
  if (at == timer_at_) return;
  timer_at_ = at;
  const uint64_t timer = ++timer_;
  if (at == Instant::never()) return;
  events_.at(when_clock_shows(at), [this, process = process_, timer] {
    if (process != process_ || timer != timer_) return;
    run(process, [this, timer](Driver& driver) {
      if (timer == timer_) timer_at_ = Instant::never();
      driver.wake();
    });
  });
}

void Host::log(const Notice& notice) {
  if (notice.kind == NoticeKind::kSetupToken) setup_token_ = notice.text.substr(notice.text.rfind(' ') + 1);
  if (trace_.keeps()) trace_.line(events_.now(), name_, notice.text);
}

// Nobody may say so of a disk that did not go back in time.
void Host::set_aside(const std::string& reason, const ClusterId& cluster) {
  if (!disk_.is_rolled_back()) throw Violation("disk", name_ + " is wrongly told: " + reason);
  if (trace_.keeps()) trace_.line(events_.now(), name_, reason);
  events_.after(kTurn, [this, cluster, process = process_] {
    if (process != process_ || !is_up()) return;
    end_process("ends, to set its disk aside");
    disk_.set_aside(cluster);
    ++set_aside_;
    ++found_out_;
    start_again();
  });
}

void Host::found_anew(const ClusterId& cluster) {
  founds_anew_ = cluster;
  events_.after(kTurn, [this, process = process_] {
    if (process != process_ || !is_up()) return;
    end_process("ends, to found a cluster from what it has");
    start_again();
  });
}

void Host::stop(const std::string& reason) {
  if (!driver_->removed()) throw Violation("stop", name_ + " stopped: " + reason);
  trace_.line(events_.now(), name_, reason);
  on_removed_(*this);
  end_soon("has ended");
}

}  // namespace patronus::sim
