#include "io/metrics/metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <vector>

namespace patronus {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;

MetricFamily& family(Families& all, const char* name, const char* help, MetricType type) {
  all.push_back({name, help, type, {}});
  return all.back();
}

void gauge(Families& all, const char* name, const char* help, double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  family(all, name, help, MetricType::Gauge).metric.push_back(metric);
}

void counter(Families& all, const char* name, const char* help, double value) {
  ClientMetric metric;
  metric.counter.value = value;
  family(all, name, help, MetricType::Counter).metric.push_back(metric);
}

ClientMetric histogram(const DurationHistogram& from) {
  ClientMetric metric;
  metric.histogram.sample_count = from.count();
  metric.histogram.sample_sum = from.sum_seconds();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < from.counts().size(); ++i) {
    cumulative += from.counts()[i];
    const double bound = i < DurationHistogram::kBounds.size() ? DurationHistogram::kBounds[i]
                                                               : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  return metric;
}

// The names here are promised to dashboards and alerts.
void cluster_families(Families& all, const Status& status) {
  gauge(all, "cluster_nodes_total", "Nodes in the cluster's configuration",
        static_cast<double>(status.nodes.size()));
  gauge(all, "cluster_nodes_healthy", "Nodes heard of within the election timeout",
        static_cast<double>(status.nodes_healthy));
  gauge(all, "cluster_is_leader", "1 if this node leads", status.role == "leader" ? 1 : 0);
  gauge(all, "cluster_current_term", "Raft term", static_cast<double>(status.term.value));
  gauge(all, "cluster_state_size_bytes", "Size of the replicated state",
        static_cast<double>(status.state_bytes));
  counter(all, "cluster_elections_total", "Elections won since the cluster was founded",
          static_cast<double>(status.elections_total));
  counter(all, "cluster_heartbeats_sent_total", "Heartbeats this node sent as leader",
          static_cast<double>(status.counters.heartbeats_sent));
  counter(all, "cluster_heartbeats_received_total", "Heartbeats this node received as follower",
          static_cast<double>(status.counters.heartbeats_received));
  counter(all, "cluster_state_replications_total", "Batches of entries replicated to or by this node",
          static_cast<double>(status.counters.replications));
  counter(all, "cluster_failovers_total",
          "Leader changes from one node to another since the cluster was founded",
          static_cast<double>(status.failovers_total));
}

void node_families(Families& all, const Status& status, const Metrics& metrics, const std::string& version) {
  gauge(all, "patronus_has_leader", "1 if this node knows a leader", status.leader.empty() ? 0 : 1);
  gauge(all, "patronus_ready", "1 if this node is ready to serve", status.ready ? 1 : 0);
  gauge(all, "patronus_commit_index", "Highest index known to be committed",
        static_cast<double>(status.commit.value));
  gauge(all, "patronus_applied_index", "Highest index applied to the state",
        static_cast<double>(status.applied.value));
  gauge(all, "patronus_log_bytes", "Size of the log that is kept", static_cast<double>(status.log_bytes));
  gauge(all, "patronus_log_first_index", "First entry of the log that is kept",
        static_cast<double>(status.log_first.value));
  gauge(all, "patronus_image_applied_index", "Highest index whose state is in the image on disk",
        static_cast<double>(status.image_applied.value));
  gauge(all, "patronus_sessions_active", "Sessions that have not ended",
        static_cast<double>(status.sessions));
  gauge(all, "patronus_state_keys", "Keys in the replicated state", static_cast<double>(status.state_keys));
  gauge(all, "patronus_http_connections", "Open HTTP connections",
        static_cast<double>(metrics.http_connections));
  gauge(all, "patronus_protocol_version", "Version of the protocol that every member is known to speak",
        status.protocol);
  gauge(all, "patronus_disk_full", "1 if there is no room for the log's next segment",
        status.room < LogRoom::kUnknown ? 1 : 0);
  counter(all, "patronus_elections_started_total", "Elections this node started",
          static_cast<double>(status.counters.elections_started));
  counter(all, "patronus_wal_written_bytes_total", "Bytes written to the log on disk",
          static_cast<double>(metrics.wal_bytes));
  counter(all, "patronus_image_damage_total", "Times a copy of the state's image showed that it is damaged",
          static_cast<double>(metrics.image_damage));
  counter(all, "patronus_artefact_sent_bytes_total", "Bytes of the whole state sent to nodes that lack it",
          static_cast<double>(metrics.artefact_bytes_sent));
  MetricFamily& lag = family(all, "patronus_peer_lag_entries", "Entries a peer is behind", MetricType::Gauge);
  for (const NodeView& node : status.nodes) {
    if (node.id == status.id) continue;
    ClientMetric metric;
    metric.label.push_back({"peer", node.id});
    metric.gauge.value = static_cast<double>(node.lag_entries);
    lag.metric.push_back(metric);
  }
  ClientMetric build;
  build.label = {{"version", version}, {"node", status.id}};
  build.gauge.value = 1;
  family(all, "patronus_build_info", "What is running", MetricType::Gauge).metric.push_back(build);
}

void request_families(Families& all, const Metrics& metrics) {
  family(all, "patronus_wal_fsync_duration_seconds", "Time of one write and fdatasync of the log",
         MetricType::Histogram)
      .metric.push_back(histogram(metrics.wal_fsync));
  family(all, "patronus_checkpoint_duration_seconds", "Time of one checkpoint of the state to its image",
         MetricType::Histogram)
      .metric.push_back(histogram(metrics.checkpoints));
  MetricFamily& requests = family(all, "patronus_http_request_duration_seconds",
                                  "Time from a whole request to its answer", MetricType::Histogram);
  for (const auto& [labels, durations] : metrics.requests) {
    ClientMetric metric = histogram(durations);
    metric.label = {{"route", std::string(std::get<0>(labels))},
                    {"method", std::string(std::get<1>(labels))},
                    {"code", std::to_string(std::get<2>(labels))}};
    requests.metric.push_back(std::move(metric));
  }
}

void process_families(Families& all, const ProcessFigures& process) {
  counter(all, "process_cpu_seconds_total", "CPU time of the process", process.cpu_seconds);
  gauge(all, "process_resident_memory_bytes", "Resident memory", process.resident_bytes);
  gauge(all, "process_open_fds", "Open file descriptors", process.open_fds);
  gauge(all, "process_start_time_seconds", "Unix time of the process's start", process.start_time_seconds);
}

// Without copies off site both are there, and compare as nothing.
void backup_families(Families& all, const BackupFigures& backup) {
  gauge(all, "patronus_backup_last_success_timestamp_seconds",
        "Unix time up to which every target off site has everything; 0: not known",
        static_cast<double>(backup.covered_ms) / 1000);
  gauge(
      all, "patronus_backup_lag_seconds", "Time since then",
      backup.lag_ms ? static_cast<double>(*backup.lag_ms) / 1000 : std::numeric_limits<double>::quiet_NaN());
}

void tls_families(Families& all, const ProcessFigures& process) {
  if (process.certificates_end.empty()) return;
  MetricFamily& ends = family(all, "patronus_cert_not_after_timestamp_seconds",
                              "Unix time at which a certificate in use ends", MetricType::Gauge);
  for (const auto& [name, end] : process.certificates_end) {
    ClientMetric metric;
    metric.label = {{"cert", name}};
    metric.gauge.value = end;
    ends.metric.push_back(metric);
  }
  if (process.revocations_end) {
    gauge(all, "patronus_crl_next_update_timestamp_seconds",
          "Unix time at which the list of revoked certificates in use runs out", *process.revocations_end);
  }
  counter(all, "patronus_tls_failures_total", "Connections that ended by a failure of TLS",
          process.tls_failures);
}

void probe_families(Families& all, const sdwan::Figures& probes) {
  const auto total = [&](const char* name, const char* help, uint64_t value) {
    counter(all, name, help, static_cast<double>(value));
  };
  total("patronus_probes_sent_total", "Probes of endpoints and paths sent", probes.sent);
  total("patronus_probe_answers_total", "Authentic answers that came in time", probes.answers);
  total("patronus_probe_lost_total", "Probes without an answer in time", probes.lost);
  total("patronus_probe_late_total", "Authentic answers that came too late", probes.late);
  total("patronus_probe_forged_total", "Datagrams that were not made with the site's key, or are no answers",
        probes.forged);
  total("patronus_probe_replayed_total", "Authentic answers that had come before", probes.replayed);
  total("patronus_probe_malformed_total", "Datagrams that are no probes", probes.malformed);
  total("patronus_probe_unsent_total", "Probes that the system had no room for", probes.unsent);
  total("patronus_verdicts_proposed_total", "Verdicts on endpoints and paths proposed as leader",
        probes.verdicts);
  gauge(all, "patronus_endpoints", "Endpoints that are probed", static_cast<double>(probes.endpoints));
  gauge(all, "patronus_endpoints_reachable", "Endpoints that this node reaches",
        static_cast<double>(probes.endpoints_reachable));
  gauge(all, "patronus_paths", "Paths that are probed", static_cast<double>(probes.paths));
  gauge(all, "patronus_paths_up", "Paths that are up, as this node sees it",
        static_cast<double>(probes.paths_up));
  gauge(all, "patronus_paths_degraded", "Paths that are degraded, as this node sees it",
        static_cast<double>(probes.paths_degraded));
  gauge(all, "patronus_paths_down", "Paths that are down, as this node sees it",
        static_cast<double>(probes.paths_down));
  gauge(all, "patronus_probes_cut_off", "1 if no endpoint is heard at all, so that no verdicts are given",
        probes.is_cut_off ? 1 : 0);
  gauge(all, "patronus_probe_interval_seconds", "Time between two probes of the same endpoint or path",
        probes.interval_seconds);
}

void database_families(Families& all, const Status& status, const ProcessFigures& process) {
  if (!process.database) return;
  gauge(all, "patronus_database_applied_index",
        "Highest index whose state is in the dashboard's database; 0 while it is being filled",
        static_cast<double>(status.database_applied.value_or(Index{}).value));
  gauge(all, "patronus_database_bytes", "Size of the dashboard's database, without its WAL",
        process.database->bytes);
  counter(all, "patronus_database_transactions_total", "Transactions done in the dashboard's database",
          process.database->transactions);
  counter(all, "patronus_database_rebuilt_total",
          "How often the dashboard's database was damaged, set aside, and made again from the state",
          process.database->rebuilt);
}

}  // namespace

void DurationHistogram::observe(Duration duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e9;
  size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++counts_[bucket];
  ++count_;
  sum_seconds_ += seconds;
}

std::string render_metrics(const Status& status, const Metrics& metrics, const ProcessFigures& process,
                           const std::string& version, const BackupFigures& backup) {
  Families all;
  cluster_families(all, status);
  node_families(all, status, metrics, version);
  request_families(all, metrics);
  process_families(all, process);
  tls_families(all, process);
  if (metrics.probes) probe_families(all, *metrics.probes);
  backup_families(all, backup);
  database_families(all, status, process);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace patronus
