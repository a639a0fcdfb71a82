// A world in which nothing comes of anything; a test overrides what it looks at.
#pragma once

#include <string>

#include "io/ports.h"

namespace patronus::test {

class IdlePorts : public Ports {
 public:
  Now now() override { return {}; }
  void dial(ConnId, const std::string&) override {}
  size_t write(ConnId, std::string&& bytes) override { return bytes.size(); }
  size_t backlog(ConnId) const override { return 0; }
  void close(ConnId) override {}
  void pause_reading(ConnId, bool) override {}
  void stop_listening(Door) override {}
  void write_log(wal::Write&&) override {}
  void cut_log(uint64_t) override {}
  void checkpoint(Checkpoint&&) override {}
  void project(Project&&) override {}
  void make_artefact() override {}
  void read_part(SendPart&&) override {}
  void keep_part(ArtefactPart&&) override {}
  void install_artefact(const Artefact&) override {}
  void make_snapshot(uint64_t) override {}
  bool query_snapshots(SnapshotQuery&&) override { return false; }
  void set_aside(const std::string&, const ClusterId&) override {}
  void found_anew(const ClusterId&) override {}
  bool hash_password(auth::PasswordJob&&) override { return false; }
  void wake_at(Instant) override {}
  void log(const Notice&) override {}
  void drained() override {}
  void stop(const std::string&) override {}
};

}  // namespace patronus::test
