// What this node counts, and its exposition as Prometheus text. Counting costs an addition; the text is made
// when somebody asks for it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/node.h"
#include "io/sdwan/figures.h"

namespace patronus {

// A histogram of durations with fixed bounds in seconds.
class DurationHistogram {
 public:
  static constexpr std::array<double, 14> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                  0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};

  void observe(Duration duration);
  const std::array<uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  uint64_t count() const { return count_; }
  double sum_seconds() const { return sum_seconds_; }

 private:
  std::array<uint64_t, kBounds.size() + 1> counts_{};
  uint64_t count_ = 0;
  double sum_seconds_ = 0;
};

struct Metrics {
  // Route templates and methods come from fixed tables, so this map has a bound.
  std::map<std::tuple<std::string_view, std::string_view, int>, DurationHistogram> requests;
  DurationHistogram wal_fsync;
  DurationHistogram checkpoints;
  uint64_t wal_bytes = 0;
  uint64_t artefact_bytes_sent = 0;
  uint64_t image_damage = 0;  // how often a copy of the image showed that it is damaged
  uint64_t http_connections = 0;
  std::optional<sdwan::Figures> probes;  // nothing where nobody probes, as in the simulator
};

// Of the process itself; zero where there is none, as in the simulator.
struct ProcessFigures {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double open_fds = 0;
  double start_time_seconds = 0;
  std::vector<std::pair<std::string, double>> certificates_end;  // by name, in Unix seconds
  std::optional<double>
      revocations_end;  // when the next list of revoked certificates is due, in Unix seconds
  double tls_failures = 0;
  struct Database {
    double bytes = 0;
    double transactions = 0;
    double rebuilt = 0;
  };
  std::optional<Database> database;  // the dashboard's, if there is one
};

// Of the copies off site: the worst of all targets.
struct BackupFigures {
  int64_t covered_ms = 0;         // Unix time up to which it has everything; 0: not known
  std::optional<int64_t> lag_ms;  // the time since
};

// Text exposition format 0.0.4.
[[nodiscard]] std::string render_metrics(const Status& status, const Metrics& metrics,
                                         const ProcessFigures& process, const std::string& version,
                                         const BackupFigures& backup);

}  // namespace patronus
