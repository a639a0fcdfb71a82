#include "io/patronusctl/backup_local.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <memory>

#include "core/base/limits.h"
#include "io/backup/database_view.h"
#include "io/backup/litestream_config.h"
#include "io/backup/runner.h"
#include "io/backup/states.h"
#include "io/backup/verify.h"
#include "io/config/duration.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/http_client.h"
#include "io/patronusctl/restore_lost_command.h"
#include "io/patronusctl/scratch.h"

namespace patronus::ctl {
namespace {

volatile std::sig_atomic_t told_to_stop = 0;

struct RunGiven : LocalBackup {
  std::string metrics_addr = "127.0.0.1:9190";
  std::string state_interval = "1h";
  size_t states_kept = limits::kBackupStatesKept;
  std::string verify_interval = "24h";
};

struct RenderGiven : LocalBackup {
  std::string cluster;
  std::string node;
  std::string metrics_addr = "127.0.0.1:9190";
};

std::string own_path() {
  std::array<char, 4096> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return n > 0 ? std::string(path.data(), static_cast<size_t>(n)) : "patronusctl";
}

enum class Zero { kRefused, kMeansNever };

bool read_interval(const std::string& text, const std::string& name, Zero zero, Duration& into) {
  const std::optional<Duration> read = parse_duration(text);
  if (read && (*read >= std::chrono::seconds(1) || (read->count() == 0 && zero == Zero::kMeansNever))) {
    into = *read;
    return true;
  }
  print_error(name + " " + text + " is no time, or less than 1s; use for example 1h");
  return false;
}

int run_beside(const RunGiven& given) {
  const std::optional<std::vector<backup::Target>> targets = read_targets(given);
  backup::RunOptions options;
  if (!targets ||
      !read_interval(given.state_interval, "--state-interval", Zero::kRefused, options.state_interval) ||
      !read_interval(given.verify_interval, "--verify-interval", Zero::kMeansNever, options.verify_interval))
    return kUsage;
  options.database = database_of(given);
  options.data_directory = given.data_directory;
  options.targets = *targets;
  options.litestream = given.litestream;
  options.self = own_path();
  options.metrics_addr = given.metrics_addr;
  options.states_kept = given.states_kept;
  HttpClient http("", std::chrono::seconds(2));
  options.get = [&](const std::string& url) -> std::optional<std::string> {
    HttpRequest request;
    request.url = url;
    HttpReply reply = http.ask(request);
    if (reply.status != 200) return std::nullopt;
    return std::move(reply.body);
  };
  struct sigaction action{};
  action.sa_handler = [](int) { told_to_stop = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  backup::Runner runner(std::move(options));
  if (const std::optional<std::string> fault = runner.run(told_to_stop)) {
    print_error(*fault);
    return kError;
  }
  return kOk;
}

// Started by run, in a process of its own: a damaged image would end it.
int put_state(const RunGiven& given) {
  const std::optional<std::vector<backup::Target>> targets = read_targets(given);
  if (!targets) return kUsage;
  const std::string database = database_of(given);
  std::variant<backup::DatabaseView, std::string> opened = backup::DatabaseView::open(database, false);
  std::variant<backup::DatabaseMeta, std::string> meta = std::holds_alternative<std::string>(opened)
                                                             ? std::move(std::get<std::string>(opened))
                                                             : std::get<backup::DatabaseView>(opened).meta();
  if (const auto* fault = std::get_if<std::string>(&meta)) {
    print_error(*fault);
    return kError;
  }
  const auto& known = std::get<backup::DatabaseMeta>(meta);
  // On the disk of the data directory's neighbour, which has room for a state; TMPDIR may be memory.
  const Scratch scratch(backup::mailbox_of(database));
  if (scratch.path().empty()) {
    print_error(scratch.fault());
    return kError;
  }
  const std::string file = scratch.path() + "/state";
  std::variant<std::optional<SnapshotInfo>, std::string> written =
      backup::write_state(given.data_directory, known.cluster, file);
  std::vector<backup::StatePut> puts;
  for (const backup::Target& target : *targets) {
    backup::StatePut put{target.name, 0, {}};
    const std::unique_ptr<backup::Objects> objects = backup::open_objects(target);
    if (const auto* fault = std::get_if<std::string>(&written)) {
      put.fault = *fault;
    } else if (const auto& state = std::get<std::optional<SnapshotInfo>>(written); state && objects) {
      put.fault = backup::put_state(*objects, known.cluster, known.node, *state, file, given.states_kept)
                      .value_or("");
      put.revision = put.fault.empty() ? state->index.value : 0;
    }
    puts.push_back(std::move(put));
  }
  print_line(backup::encode(puts));
  return kOk;
}

int render(const RenderGiven& given) {
  const std::optional<std::vector<backup::Target>> targets = read_targets(given);
  if (!targets) return kUsage;
  if (!given.cluster.empty() && !backup::parse_cluster_id(given.cluster)) {
    print_error("--cluster-id " + given.cluster + " is no cluster's id; patronusctl status shows it");
    return kUsage;
  }
  if (!given.node.empty() && !is_node_id(given.node)) {
    print_error("--node-id " + given.node + " is no node's id");
    return kUsage;
  }
  backup::LitestreamConfig config;
  config.database = database_of(given);
  config.path = (given.cluster.empty() ? "${PATRONUS_CLUSTER_ID}" : given.cluster) + "/" +
                (given.node.empty() ? "${PATRONUS_NODE_ID}" : given.node);
  config.metrics_addr = given.metrics_addr;
  config.targets = *targets;
  print_bytes(backup::render(config));
  return kOk;
}

}  // namespace

void add_targets_option(CLI::App* verb, LocalBackup& given) {
  verb->add_option("--targets", given.targets,
                   "where to: file:///path, s3://bucket/prefix?region=…, abs://account@container/prefix, "
                   "gcs://bucket/prefix; several with commas or blanks between [PATRONUS_BACKUP_TARGETS]")
      ->envname("PATRONUS_BACKUP_TARGETS");
}
void add_database_option(CLI::App* verb, LocalBackup& given) {
  verb->add_option("--db", given.database,
                   "the node's database [PATRONUS_DB_PATH, else dashboard.db beside --data-dir]")
      ->envname("PATRONUS_DB_PATH");
}
void add_data_directory_option(CLI::App* verb, LocalBackup& given) {
  verb->add_option("--data-dir", given.data_directory, "the node's data directory [PATRONUS_DATA_DIR]")
      ->envname("PATRONUS_DATA_DIR")
      ->capture_default_str();
}
void add_litestream_option(CLI::App* verb, LocalBackup& given) {
  verb->add_option(
          "--litestream", given.litestream,
          "the program, of version " + std::string(backup::kLitestreamVersion) + " [PATRONUS_LITESTREAM]")
      ->envname("PATRONUS_LITESTREAM")
      ->capture_default_str();
}

std::string database_of(const LocalBackup& given) {
  if (!given.database.empty()) return given.database;
  const std::filesystem::path data =
      std::filesystem::path(given.data_directory + "/").lexically_normal().parent_path();
  return (data.parent_path() / "dashboard.db").string();
}

std::optional<std::vector<backup::Target>> read_targets(const LocalBackup& given) {
  std::variant<std::vector<backup::Target>, std::string> read = backup::parse_targets(given.targets);
  if (const auto* fault = std::get_if<std::string>(&read)) {
    print_error("PATRONUS_BACKUP_TARGETS: " + *fault);
    return std::nullopt;
  }
  return std::move(std::get<std::vector<backup::Target>>(read));
}

int verify_here(Format format, const LocalBackup& given) {
  const std::optional<std::vector<backup::Target>> targets = read_targets(given);
  if (!targets) return kUsage;
  std::vector<backup::VerifyReport> reports;
  bool is_well = true;
  for (const backup::Target& target : *targets) {
    const Scratch scratch;
    if (scratch.path().empty()) {
      print_error(scratch.fault());
      return kError;
    }
    backup::Verify what;
    what.database = database_of(given);
    what.scratch = scratch.path();
    what.litestream = given.litestream;
    reports.push_back(backup::verify(what, target));
    is_well = is_well && reports.back().ok;
  }
  if (format == Format::kJson) {
    print_line(backup::encode(reports));
  } else {
    for (const backup::VerifyReport& one : reports)
      print_line(one.target + ": " + (one.ok ? "ok, " : "NOT OK: ") + one.detail);
  }
  return is_well ? kOk : kError;
}

void add_local_backup_commands(CLI::App* backup, const Format& format, std::function<int()>& run) {
  auto given = std::make_shared<RunGiven>();
  CLI::App* verb = backup->add_subcommand(
      "run",
      "Runs beside a node for as long as that does: waits until the node knows its cluster, keeps Litestream "
      "going, puts state artefacts beside what it ships, verifies the copies, and tells the node.");
  add_targets_option(verb, *given);
  add_database_option(verb, *given);
  add_data_directory_option(verb, *given);
  add_litestream_option(verb, *given);
  verb->add_option("--metrics-addr", given->metrics_addr, "where Litestream serves its metrics")
      ->envname("PATRONUS_BACKUP_METRICS_ADDR")
      ->capture_default_str();
  verb->add_option("--state-interval", given->state_interval, "between state artefacts")
      ->envname("PATRONUS_BACKUP_STATE_INTERVAL")
      ->capture_default_str();
  verb->add_option("--state-kept", given->states_kept, "state artefacts that stay at each target")
      ->envname("PATRONUS_BACKUP_STATE_KEPT")
      ->check(CLI::Range(size_t{1}, limits::kBackupStatesKeptMax))
      ->capture_default_str();
  verb->add_option("--verify-interval", given->verify_interval,
                   "between two times that copies are verified; 0: never")
      ->envname("PATRONUS_BACKUP_VERIFY_INTERVAL")
      ->capture_default_str();
  verb->callback([&run, given] { run = [given] { return run_beside(*given); }; });

  auto putting = std::make_shared<RunGiven>();
  verb = backup->add_subcommand("put-state",
                                "Puts the state of the node's image at every target; run does this.");
  verb->group("");
  add_targets_option(verb, *putting);
  add_database_option(verb, *putting);
  add_data_directory_option(verb, *putting);
  verb->add_option("--keep", putting->states_kept, "how many stay")
      ->check(CLI::Range(size_t{1}, limits::kBackupStatesKeptMax));
  verb->callback([&run, putting] { run = [putting] { return put_state(*putting); }; });

  add_restore_lost_command(backup, format, run);
}

void add_render_command(CLI::App& app, std::function<int()>& run) {
  auto given = std::make_shared<RenderGiven>();
  CLI::App* render_verb = app.add_subcommand("render", "Configuration of the programs around the nodes.");
  render_verb->require_subcommand(1);
  CLI::App* verb = render_verb->add_subcommand(
      "litestream", "The configuration of Litestream " + std::string(backup::kLitestreamVersion) +
                        " for one node. backup run makes and uses it by itself; this is for who runs "
                        "Litestream otherwise. Without "
                        "--cluster-id or --node-id Litestream is to take them from PATRONUS_CLUSTER_ID and "
                        "PATRONUS_NODE_ID.");
  add_targets_option(verb, *given);
  add_database_option(verb, *given);
  add_data_directory_option(verb, *given);
  verb->add_option("--cluster-id", given->cluster, "of the cluster; patronusctl status shows it");
  verb->add_option("--node-id", given->node, "of the node");
  verb->add_option("--metrics-addr", given->metrics_addr, "where Litestream serves its metrics")
      ->capture_default_str();
  verb->callback([&run, given] { run = [given] { return render(*given); }; });
}

}  // namespace patronus::ctl
