// The production shell: the driver with libuv's streams and timers, a log on disk, signals and a watchdog.
#pragma once

#include <memory>
#include <string>

#include "io/auth/password_workers.h"
#include "io/config/config.h"
#include "io/driver.h"
#include "io/storage/artefact_worker.h"
#include "io/storage/data_directory.h"
#include "io/storage/database_writer.h"
#include "io/storage/image_writer.h"
#include "io/storage/log_writer.h"
#include "io/uv/backup_mailbox.h"
#include "io/uv/certificate_reloader.h"
#include "io/uv/certificates.h"
#include "io/uv/loop.h"
#include "io/uv/name_look_up.h"
#include "io/uv/prober.h"
#include "io/uv/tls_streams.h"
#include "io/uv/watchdog.h"

namespace patronus::uv {

class Server final : private Ports, private TlsStreams::Listener {
 public:
  // `database`: of the dashboard's, if there is to be one.
  Server(const Config& config, Certificates&& certificates, OpenedData&& data,
         std::optional<DatabaseLock>&& database, uint64_t seed, std::string version);
  ~Server() override = default;

  // Serves until a signal or a failure; the process's exit code.
  int run();
  // After run(): the process is to begin again, with the state that has arrived, or with nothing.
  bool begins_again() const { return begins_again_; }
  // Its data directory is to be set aside before; of the cluster it belonged to.
  const std::optional<ClusterId>& sets_aside() const { return sets_aside_; }
  // A signal has told the process to end.
  bool is_told_to_stop() const { return draining_; }

 private:
  // Ports
  static Instant monotonic();
  Now now() override;
  void dial(ConnId conn, const std::string& address) override { streams_->dial(conn, address); }
  void look_up(const Address& name) override { names_->ask(name); }
  size_t write(ConnId conn, std::string&& bytes) override { return streams_->write(conn, std::move(bytes)); }
  size_t backlog(ConnId conn) const override { return streams_->backlog(conn); }
  void close(ConnId conn) override { streams_->close(conn); }
  void pause_reading(ConnId conn, bool pause) override { streams_->pause_reading(conn, pause); }
  void stop_listening(Door door) override { streams_->stop_listening(door); }
  bool has_arrivals(Door door) const override { return streams_->has_arrivals(door); }
  std::optional<NodeId> proven_identity(ConnId conn) const override {
    return streams_->proven_identity(conn);
  }
  bool ask_backup(const backup::Requests& requests) override;
  bool hash_password(auth::PasswordJob&& job) override { return passwords_->submit(std::move(job)); }
  void write_log(wal::Write&& write) override { writer_->submit(std::move(write)); }
  void cut_log(uint64_t first_kept_segment) override { writer_->cut(first_kept_segment); }
  void checkpoint(Checkpoint&& piece) override { image_->submit(std::move(piece)); }
  void project(Project&& piece) override { database_->submit(std::move(piece)); }
  void make_artefact() override { image_->make_artefact(artefact_paths(directory_.path).made); }
  void read_part(SendPart&& wanted) override { artefacts_->read(std::move(wanted)); }
  void keep_part(ArtefactPart&& part) override { artefacts_->keep(std::move(part)); }
  void install_artefact(const Artefact& artefact) override { artefacts_->arrive(artefact); }
  void make_snapshot(uint64_t ticket) override { image_->make_snapshot(directory_.path, ticket); }
  bool query_snapshots(SnapshotQuery&& query) override {
    return artefacts_->query(directory_.path, std::move(query));
  }
  void set_aside(const std::string& reason, const ClusterId& cluster) override;
  void found_anew(const ClusterId& cluster) override;
  void wake_at(Instant at) override;
  void log(const Notice& notice) override;
  void drained() override;
  void stop(const std::string& reason) override;
  // TlsStreams::Listener
  ConnId on_accepted(Door door, const Remote& remote) override;
  void on_dialled(ConnId conn) override;
  void on_bytes(ConnId conn, std::string_view bytes) override;
  void on_end_of_input(ConnId conn) override;
  void on_ended(ConnId conn, LinkEnd how) override;
  void on_written(ConnId conn, size_t bytes) override;
  void on_complaint(const std::string& line) override;

  // server_tls.cpp
  void use_certificates(Certificates&& certificates);
  void use_certificate(LoadedCertificate&& one, const std::string& variable,
                       void (TlsStreams::*take)(TlsStreams::Context));
  void use_revocations(LoadedRevocations&& revocations);
  void take_revocations(const TlsStreams::Revocations& lists);
  void warn_of_own_revocation();
  void add_tls_figures(ProcessFigures& figures) const;
  bool listen();
  void start_handles();
  void refresh_figures();
  void start_signals();
  void on_log_done();
  void on_image_done();
  // server_database.cpp
  void begin_database(DatabaseLock&& lock);
  void on_database_done();
  void add_database_figures(ProcessFigures& figures) const;
  void on_artefacts_done();
  void on_passwords_done();
  void on_signal(const char* name);
  void flush_if_needed();

  Config config_;
  LogDirectory directory_;
  Loop loop_;
  Watchdog watchdog_;
  std::unique_ptr<Handle<uv_timer_t>> timer_;
  std::unique_ptr<Handle<uv_timer_t>> second_;
  std::unique_ptr<Handle<uv_check_t>> check_;
  std::unique_ptr<Handle<uv_prepare_t>> prepare_;
  std::unique_ptr<Handle<uv_async_t>> log_done_;
  std::unique_ptr<Handle<uv_async_t>> image_done_;
  std::unique_ptr<Handle<uv_async_t>> database_done_;
  std::unique_ptr<Handle<uv_async_t>> artefacts_done_;
  std::unique_ptr<Handle<uv_async_t>> passwords_done_;
  std::unique_ptr<Handle<uv_signal_t>> terminate_;
  std::unique_ptr<Handle<uv_signal_t>> interrupt_;
  std::unique_ptr<TlsStreams> streams_;
  std::unique_ptr<NameLookUp> names_;
  std::unique_ptr<CertificateReloader> reloader_;
  std::shared_ptr<BackupMailbox> backup_;  // without a database there is none
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<ImageWriter> image_;
  std::unique_ptr<DatabaseWriter> database_;  // null: there is none
  std::unique_ptr<ArtefactWorker> artefacts_;
  std::unique_ptr<auth::PasswordWorkers> passwords_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Prober> prober_;
  Instant timer_at_ = Instant::never();
  bool needs_flush_ = false;
  bool draining_ = false;
  int exit_code_ = 0;
  bool begins_again_ = false;
  std::optional<ClusterId> sets_aside_;
};

}  // namespace patronus::uv
