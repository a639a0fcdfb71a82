#include "io/uv/server.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "core/base/limits.h"
#include "io/auth/openssl_crypto.h"
#include "io/storage/founding_note.h"
#include "io/uv/log.h"
#include "io/uv/process.h"

namespace patronus::uv {
namespace {

// One core is left to the loop.
constexpr size_t kPasswordThreads = 1;

uint64_t first_segment(const wal::Recovered& recovered) {
  return recovered.segments.empty() ? recovered.position.segment : recovered.segments.front().segment;
}

DriverOptions driver_options(const Config& config, wal::Recovered&& recovered, Store&& state, uint64_t seed,
                             std::string version) {
  DriverOptions options;
  options.boot.id = config.node_id;
  options.boot.incarnation = recovered.incarnation;
  options.boot.peer_address = config.advertised_peer;
  options.boot.api_address = config.advertised_api;
  options.boot.election_timeout = config.election_timeout;
  options.boot.heartbeat_interval = config.heartbeat_interval;
  options.boot.leader_priority = config.leader_priority;
  options.boot.founding_nodes = config.founding_nodes;
  options.boot.founding_by_name = config.peers_name.has_value();
  options.boot.leave_grace = config.drain_grace;
  options.boot.auto_join = config.auto_join;
  options.boot.probes = true;
  options.boot.protocol = config.protocol_max;
  options.boot.pace.interval = config.checkpoint_interval;
  options.boot.retention.bytes_max = config.log_retained_bytes;
  options.boot.retention.tail_bytes = std::min(limits::kLogTailBytes, config.log_retained_bytes / 2);
  options.boot.seed = seed;
  options.boot.hard = std::move(recovered.hard);
  options.boot.state = std::move(state);
  options.boot.entries = std::move(recovered.entries);
  options.version = std::move(version);
  options.peers = config.peers;
  options.peers_name = config.peers_name;
  options.log_position = recovered.position;
  options.log_segments = std::move(recovered.segments);
  options.request_timeout = config.request_timeout;
  options.advertises_https = config.listen_https.has_value();
  options.accounts = {config.session_idle, config.session_life, config.trusted_proxies};
  options.crypto = std::make_unique<auth::OpensslCrypto>(config.cluster_secret);
  return options;
}

[[noreturn]] void bark() {
  log_line(LogLevel::kError, "watchdog",
           "the event loop has not turned for ten seconds; the process ends itself");
  flush_log();
  std::abort();
}

}  // namespace

Server::Server(const Config& config, Certificates&& certificates, OpenedData&& data,
               std::optional<DatabaseLock>&& database, uint64_t seed, std::string version)
    : config_(config), directory_(std::move(data.directory)), watchdog_(limits::kWatchdogTimeout, bark) {
  log_done_ = std::make_unique<Handle<uv_async_t>>();
  uv_async_init(loop_.get(), log_done_->get(), [](uv_async_t* handle) { Handle<uv_async_t>::call(handle); });
  log_done_->on([this] { on_log_done(); });
  image_done_ = std::make_unique<Handle<uv_async_t>>();
  uv_async_init(loop_.get(), image_done_->get(),
                [](uv_async_t* handle) { Handle<uv_async_t>::call(handle); });
  image_done_->on([this] { on_image_done(); });
  artefacts_done_ = std::make_unique<Handle<uv_async_t>>();
  uv_async_init(loop_.get(), artefacts_done_->get(),
                [](uv_async_t* handle) { Handle<uv_async_t>::call(handle); });
  artefacts_done_->on([this] { on_artefacts_done(); });
  passwords_done_ = std::make_unique<Handle<uv_async_t>>();
  uv_async_init(loop_.get(), passwords_done_->get(),
                [](uv_async_t* handle) { Handle<uv_async_t>::call(handle); });
  passwords_done_->on([this] { on_passwords_done(); });
  passwords_ = std::make_unique<auth::PasswordWorkers>(kPasswordThreads,
                                                       [this] { uv_async_send(passwords_done_->get()); });
  TlsStreams::Listener& listener = *this;
  streams_ = std::make_unique<TlsStreams>(loop_.get(), listener);
  names_ = std::make_unique<NameLookUp>(loop_.get(), [this](NameAnswer&& answer) {
    needs_flush_ = true;
    driver_->looked_up(std::move(answer));
  });
  const wal::Recovered& recovered = directory_.recovered;
  writer_ =
      std::make_unique<LogWriter>(directory_.path, recovered.incarnation, recovered.position,
                                  first_segment(recovered), [this] { uv_async_send(log_done_->get()); });
  image_ = std::make_unique<ImageWriter>(
      image_path(directory_.path), limits::kImageMapBytes, std::move(data.state.image), recovered.incarnation,
      limits::kCheckpointRetry, [this] { uv_async_send(image_done_->get()); });
  if (database) begin_database(std::move(*database));
  artefacts_ = std::make_unique<ArtefactWorker>(artefact_paths(directory_.path),
                                                [this] { uv_async_send(artefacts_done_->get()); });
  Ports& ports = *this;
  DriverOptions options = driver_options(config_, std::move(directory_.recovered),
                                         std::move(data.state.store), seed, std::move(version));
  options.boot.state_refused = data.state_refused;
  options.boot.rebuilds = data.rebuild.has_value();
  if (data.rebuild) options.boot.lost_cluster = data.rebuild->cluster;
  options.boot.founds_anew = data.founds_anew;
  options.boot.has_database = database_ != nullptr;
  driver_ = std::make_unique<Driver>(std::move(options), ports);
  prober_ = std::make_unique<Prober>(
      loop_.get(), config_.probe_interval, config_.cluster_secret, [this] { return now(); }, *driver_,
      [this] { needs_flush_ = true; });
  use_certificates(std::move(certificates));
  if (!database_) return;
  driver_->expect_backup();
  backup_ = std::make_shared<BackupMailbox>(config_.database_path);
  reloader_->add(BackupWatch{backup_},
                 [this](backup::Report report) { driver_->set_backup(std::move(report)); });
}

bool Server::ask_backup(const backup::Requests& requests) {
  if (backup_) backup_->ask(requests);
  return backup_ != nullptr;
}

// Opens every door; what can't be opened is said.
bool Server::listen() {
  bool all = true;
  std::string doors;
  const auto open = [&](Door door, const Address& address, bool secure, const char* name, const char* what) {
    doors += std::string(doors.empty() ? "" : ", ") + what + " on " + address.text();
    if (const std::optional<std::string> error = streams_->listen(door, address, secure)) {
      log_line(LogLevel::kError, "listen", std::string(name) + "=" + *error);
      all = false;
    }
  };
  if (config_.listen_https) open(Door::kHttp, *config_.listen_https, true, "PATRONUS_NODE_ADDR", "HTTPS");
  if (config_.listen_plain) open(Door::kHttp, *config_.listen_plain, false, "PATRONUS_LISTEN_PLAIN", "HTTP");
  const bool secure = config_.peer_tls.has_value();
  open(Door::kPeer, config_.peer_address, secure, "PATRONUS_PEER_ADDR",
       secure ? "peers with TLS" : "peers without TLS");
  if (all) {
    log_line(LogLevel::kInfo, "start", "serves " + doors + ", keeps its log in " + directory_.path);
  }
  return all;
}

int Server::run() {
  if (!listen()) exit_code_ = 1;
  if (exit_code_ == 0) {
    start_handles();
    start_signals();
    driver_->start();
    prober_->start();
    loop_.run();
  }
  watchdog_.rest();
  const bool looks_up = names_->is_asking() || streams_->is_looking_up() || prober_->is_looking_up();
  // Those with threads go first: their notifications use the loop.
  prober_.reset();
  writer_.reset();
  image_.reset();
  database_.reset();
  artefacts_.reset();
  passwords_.reset();
  reloader_.reset();
  names_.reset();
  streams_.reset();
  timer_.reset();
  second_.reset();
  check_.reset();
  prepare_.reset();
  log_done_.reset();
  image_done_.reset();
  database_done_.reset();
  artefacts_done_.reset();
  passwords_done_.reset();
  terminate_.reset();
  interrupt_.reset();
  // The loop would wait for the system's resolver, which takes its time where DNS is dead and can't be called
  // off. All else is done.
  if (looks_up && !begins_again_) {
    flush_log();
    std::_Exit(exit_code_);
  }
  return exit_code_;
}

void Server::start_handles() {
  timer_ = std::make_unique<Handle<uv_timer_t>>();
  uv_timer_init(loop_.get(), timer_->get());
  timer_->on([this] {
    timer_at_ = Instant::never();
    driver_->wake();
    needs_flush_ = true;
  });
  second_ = std::make_unique<Handle<uv_timer_t>>();
  uv_timer_init(loop_.get(), second_->get());
  second_->on([this] {
    watchdog_.pat();
    refresh_figures();
    reloader_->look();
  });
  uv_timer_start(second_->get(), [](uv_timer_t* handle) { Handle<uv_timer_t>::call(handle); }, 0, 1000);
  // Whatever an iteration's callbacks produced goes out before the loop waits: once after streams were
  // served, once after timers ran.
  check_ = std::make_unique<Handle<uv_check_t>>();
  uv_check_init(loop_.get(), check_->get());
  check_->on([this] { flush_if_needed(); });
  uv_check_start(check_->get(), [](uv_check_t* handle) { Handle<uv_check_t>::call(handle); });
  prepare_ = std::make_unique<Handle<uv_prepare_t>>();
  uv_prepare_init(loop_.get(), prepare_->get());
  prepare_->on([this] { flush_if_needed(); });
  uv_prepare_start(prepare_->get(), [](uv_prepare_t* handle) { Handle<uv_prepare_t>::call(handle); });
}

void Server::refresh_figures() {
  ProcessFigures figures = process_figures();
  add_tls_figures(figures);
  add_database_figures(figures);
  driver_->set_process_figures(figures);
}

void Server::start_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  for (auto& [slot, number, name] :
       {std::tuple(&terminate_, SIGTERM, "SIGTERM"), std::tuple(&interrupt_, SIGINT, "SIGINT")}) {
    *slot = std::make_unique<Handle<uv_signal_t>>();
    uv_signal_init(loop_.get(), (*slot)->get());
    (*slot)->on([this, name = name] { on_signal(name); });
    uv_signal_start((*slot)->get(), [](uv_signal_t* handle, int) { Handle<uv_signal_t>::call(handle); },
                    number);
  }
}

void Server::on_signal(const char* name) {
  if (std::exchange(draining_, true)) {
    log_line(LogLevel::kWarn, "stop", std::string(name) + " received again; stops at once");
    loop_.stop();
    return;
  }
  log_line(
      LogLevel::kInfo, "drain",
      std::string(name) + " received; hands over, lets balancers notice, answers what is under way, stops");
  driver_->drain(config_.drain_grace);
  needs_flush_ = true;
}

void Server::drained() {
  log_line(LogLevel::kInfo, "stop", "has left the cluster in good order");
  loop_.stop();
}

// With the time in which the machine was suspended: what a node knew before that is old when it wakes.
Instant Server::monotonic() {
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return Instant{int64_t{since_boot.tv_sec} * 1'000'000'000 + since_boot.tv_nsec};
}

Now Server::now() {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return {monotonic(), WallTime{int64_t{wall.tv_sec} * 1000 + wall.tv_nsec / 1'000'000}};
}

void Server::wake_at(Instant at) {
  if (at == timer_at_) return;
  timer_at_ = at;
  if (at == Instant::never()) {
    uv_timer_stop(timer_->get());
    return;
  }
  uv_update_time(loop_.get());
  const int64_t wait_ns = (at - monotonic()).count();
  // Rounded up: a timer that fires early would only be set again.
  const uint64_t wait_ms = wait_ns <= 0 ? 0 : static_cast<uint64_t>((wait_ns + 999'999) / 1'000'000);
  uv_timer_start(timer_->get(), [](uv_timer_t* handle) { Handle<uv_timer_t>::call(handle); }, wait_ms, 0);
}

void Server::stop(const std::string& reason) {
  // A node that was removed is done; whoever supervises it shall not start it again as after a failure.
  const bool removed = driver_->removed();
  log_line(removed ? LogLevel::kWarn : LogLevel::kError, removed ? "removed" : "fatal", reason);
  flush_log();
  if (!removed) exit_code_ = 1;
  loop_.stop();
}

void Server::set_aside(const std::string& reason, const ClusterId& cluster) {
  log_line(LogLevel::kWarn, "rebuild", reason);
  sets_aside_ = cluster;
  begins_again_ = true;
  loop_.stop();
}

// What is in the log is there for whoever reads it next; so nothing is lost with the process.
void Server::found_anew(const ClusterId& cluster) {
  if (const std::optional<std::string> failed = write_founding_note(directory_.path, cluster)) {
    log_line(LogLevel::kError, "fatal", *failed + "; no cluster is founded, the node stops");
    exit_code_ = 1;
  } else {
    log_line(LogLevel::kWarn, "recovery",
             "an operator has given the cluster up; this node goes on alone as " + cluster.hex());
    begins_again_ = true;
  }
  loop_.stop();
}

void Server::on_log_done() {
  if (const std::optional<LogWriter::Room> room = writer_->take_room()) {
    if (room->full) {
      log_line(LogLevel::kError, "disk_full",
               room->reason + "; make room there: what is left is soon used up, and then writes are refused");
    } else {
      log_line(LogLevel::kInfo, "disk_full", "there is room for the log again");
    }
    driver_->log_is_full(room->full);
    needs_flush_ = true;
  }
  const std::optional<LogWriter::Done> done = writer_->take_done();
  if (!done) return;
  if (!done->error.empty()) {
    // What the disk holds now is unknown, so nothing may be answered, voted or written from here on.
    log_line(LogLevel::kError, "fatal", done->error + "; the log can't be trusted any more, the node stops");
    flush_log();
    std::_Exit(1);
  }
  driver_->log_written(done->took);
  needs_flush_ = true;
}

void Server::on_image_done() {
  if (const std::optional<std::string> complaint = image_->take_complaint()) {
    log_line(LogLevel::kWarn, "checkpoint", *complaint);
    driver_->checkpoint_waits();
    needs_flush_ = true;
  }
  if (std::optional<std::string> damage = image_->take_damage()) {
    driver_->image_damaged(std::move(*damage));
    needs_flush_ = true;
  }
  if (std::optional<ArtefactMade> made = image_->take_artefact()) {
    if (made->artefact) artefacts_->made(*made->artefact);
    driver_->artefact_made(std::move(*made));
    needs_flush_ = true;
  }
  if (std::optional<SnapshotAnswer> saved = image_->take_snapshot()) {
    driver_->snapshot_answered(std::move(*saved));
    needs_flush_ = true;
  }
  const std::optional<ImageWriter::Done> done = image_->take_done();
  if (!done) return;
  if (!done->error.empty()) {
    log_line(LogLevel::kError, "fatal", done->error + "; the disk can't be trusted any more, the node stops");
    flush_log();
    std::_Exit(1);
  }
  driver_->checkpoint_taken();
  needs_flush_ = true;
}

void Server::on_artefacts_done() {
  while (std::optional<ArtefactWorker::Done> done = artefacts_->take_done()) {
    if (auto* read = std::get_if<ArtefactWorker::Read>(&*done)) {
      driver_->part_read(read->wanted, std::move(read->bytes));
    } else if (auto* kept = std::get_if<PartKept>(&*done)) {
      driver_->part_kept(std::move(*kept));
    } else if (auto* answer = std::get_if<SnapshotAnswer>(&*done)) {
      driver_->snapshot_answered(std::move(*answer));
    } else {
      const std::string& failure = std::get<ArtefactWorker::Arrived>(*done).failure;
      if (failure.empty()) {
        begins_again_ = true;
      } else {
        log_line(LogLevel::kError, "fatal", failure + "; the disk can't be trusted any more, the node stops");
        exit_code_ = 1;
      }
      loop_.stop();
    }
    needs_flush_ = true;
  }
}

void Server::on_passwords_done() {
  while (std::optional<auth::PasswordDone> done = passwords_->take_done()) {
    driver_->password_done(std::move(*done));
    needs_flush_ = true;
  }
}

void Server::flush_if_needed() {
  if (!needs_flush_) return;
  needs_flush_ = false;
  driver_->flush();
}

ConnId Server::on_accepted(Door door, const Remote& remote) {
  needs_flush_ = true;
  return driver_->accepted(door, remote);
}
void Server::on_dialled(ConnId conn) {
  needs_flush_ = true;
  driver_->dialled(conn);
}
void Server::on_bytes(ConnId conn, std::string_view bytes) {
  needs_flush_ = true;
  driver_->received(conn, bytes);
}
void Server::on_end_of_input(ConnId conn) {
  needs_flush_ = true;
  driver_->end_of_input(conn);
}
void Server::on_ended(ConnId conn, LinkEnd how) {
  needs_flush_ = true;
  driver_->ended(conn, how);
}
void Server::on_written(ConnId conn, size_t bytes) {
  needs_flush_ = true;
  driver_->written(conn, bytes);
}
void Server::on_complaint(const std::string& line) { log_line(LogLevel::kWarn, "tls", line); }

}  // namespace patronus::uv
