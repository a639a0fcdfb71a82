#include "io/patronusctl/restore_lost_command.h"

#include <filesystem>
#include <memory>

#include "io/backup/claim.h"
#include "io/backup/restore_lost.h"
#include "io/config/time_text.h"
#include "io/json/writer.h"
#include "io/patronusctl/backup_local.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/scratch.h"
#include "io/random_word.h"
#include "io/storage/rebuild.h"

namespace patronus::ctl {
namespace {

struct RestoreLostGiven : LocalBackup {
  std::string from;
  std::string cluster;
  std::string at = "latest";
  std::vector<std::string> nodes;
  std::string founder;
  bool once = false;
};

int usage(const std::string& fault) {
  print_error(fault);
  return kUsage;
}
int failed(const std::string& fault) {
  print_error(fault);
  return kError;
}

void print_restored(Format format, const backup::RestoredLost& restored, const ClusterId& cluster,
                    const std::string& directory) {
  const SnapshotSummary& summary = restored.summary;
  if (format == Format::kJson) {
    std::string text;
    json::Writer out(text);
    out.begin_object().field("lost_cluster_id", restored.lost.hex()).field("cluster_id", cluster.hex());
    out.field("node", restored.node).field("revision", restored.index.value);
    out.field("at", format_time(restored.wall_ms)).key("state_revision");
    if (restored.state)
      out.value(restored.state->value);
    else
      out.null();
    out.field("users", uint64_t{summary.users}).field("sites", uint64_t{summary.sites});
    out.field("policies", uint64_t{summary.policies}).field("keys", uint64_t{summary.keys}).finish();
    print_line(text);
    return;
  }
  print_rows({{"cluster", restored.lost.hex() + ", which is lost"},
              {"database", "of node " + restored.node + ", revision " + std::to_string(restored.index.value) +
                               ", of " + format_time(restored.wall_ms)},
              {"keys", restored.state ? std::to_string(summary.keys) + ", as of revision " +
                                            std::to_string(restored.state->value)
                                      : "none: there is no state artefact"},
              {"users", std::to_string(summary.users)},
              {"sites", std::to_string(summary.sites)},
              {"policies", std::to_string(summary.policies)}});
  print_line("start patronusd with PATRONUS_DATA_DIR=" + directory + ": it founds cluster " + cluster.hex() +
             " alone; start the other nodes with empty data directories, and they join");
  print_line("nobody is logged in there; users and their passwords are as they were");
}

// Of a restore that a node does by itself: nothing if it may go on, else the exit code. The one that was done
// already is joined, not founded a second time.
std::optional<int> claim_it(const RestoreLostGiven& given, const backup::Source& source,
                            backup::Objects* objects, const backup::Claim& own, const std::string& scratch) {
  if (objects == nullptr || !source.cluster)
    return failed(
        "a node restores by itself from file, S3 and Azure targets, named with the cluster: "
        "<target>/<cluster id>; use patronusctl backup restore");
  std::variant<std::optional<backup::Claim>, std::string> read =
      backup::read_claim(*objects, *source.cluster, given.at, scratch);
  if (const auto* fault = std::get_if<std::string>(&read)) return failed(*fault);
  if (const auto& claim = std::get<std::optional<backup::Claim>>(read)) {
    std::error_code error;
    std::filesystem::create_directories(given.data_directory, error);
    RebuildNote note;
    note.cluster = claim->cluster;
    if (auto fault = write_rebuild_note(given.data_directory, note)) return failed(*fault);
    print_warning(
        "this was restored before, by node " + claim->node + " as cluster " + claim->cluster.hex() +
        "; this node begins empty and joins that one. patronusctl backup restore restores once more");
    return kOk;
  }
  if (auto fault = backup::write_claim(*objects, *source.cluster, given.at, own, scratch))
    return failed(*fault);
  return std::nullopt;
}

int restore_lost(Format format, const RestoreLostGiven& given) {
  backup::RestoreLost wanted;
  std::variant<backup::Source, std::string> source = backup::parse_source(given.from);
  if (const auto* fault = std::get_if<std::string>(&source)) return usage("--from: " + *fault);
  wanted.source = std::get<backup::Source>(source);
  if (!given.cluster.empty()) {
    wanted.source.cluster = backup::parse_cluster_id(given.cluster);
    if (!wanted.source.cluster)
      return usage("--cluster " + given.cluster + " is no cluster's id: 32 hexadecimal digits");
  }
  if (given.at != "latest") {
    wanted.at_ms = parse_time(given.at);
    if (!wanted.at_ms)
      return usage("--at " + given.at + " is no time; use latest, or RFC 3339 such as 2026-03-01T12:00:00Z");
  }
  for (const std::string& node : given.nodes) {
    if (!is_node_id(node)) return usage("--node " + node + " is no node's id");
  }
  if (!given.founder.empty() && !is_node_id(given.founder))
    return usage("--node-id " + given.founder + " is no node's id");
  const Scratch scratch;
  if (scratch.path().empty()) return failed(scratch.fault());
  wanted.nodes = given.nodes;
  wanted.directory = given.data_directory;
  wanted.founder = given.founder;
  wanted.scratch = scratch.path();
  wanted.litestream = given.litestream;
  wanted.incarnation = Incarnation{random_word()};
  wanted.cluster = ClusterId{{random_word(), random_word()}};
  wanted.say = [](const std::string& line) { print_warning(line); };
  const std::unique_ptr<backup::Objects> objects = backup::open_objects(wanted.source.target);
  if (given.once) {
    const backup::Claim own{wanted.cluster, given.founder};
    if (const std::optional<int> code = claim_it(given, wanted.source, objects.get(), own, scratch.path()))
      return *code;
  }
  const std::variant<backup::RestoredLost, std::string> restored = backup::restore_lost(wanted);
  if (const auto* fault = std::get_if<std::string>(&restored)) {
    if (given.once) (void)backup::remove_claim(*objects, *wanted.source.cluster, given.at);
    return failed(*fault);
  }
  print_restored(format, std::get<backup::RestoredLost>(restored), wanted.cluster, given.data_directory);
  return kOk;
}

}  // namespace

void add_restore_lost_command(CLI::App* backup, const Format& format, std::function<int()>& run) {
  auto given = std::make_shared<RestoreLostGiven>();
  CLI::App* verb = backup->add_subcommand("restore",
                                          "When all nodes are lost: finds the furthest copy at a target, and "
                                          "makes an empty data directory the first node of "
                                          "a new cluster that has what it has. Needs Litestream.");
  verb->add_option("--from", given->from, "the target, or <target>/<cluster id>")->required();
  verb->add_option("--cluster", given->cluster,
                   "the lost cluster's id; needed where several have backups there");
  verb->add_option("--at", given->at, "as of this time: RFC 3339, such as 2026-03-01T12:00:00Z; or latest")
      ->capture_default_str();
  verb->add_option("--node", given->nodes, "only this node's copy; may be repeated. Needed with GCS")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_data_directory_option(verb, *given);
  verb->add_option("--node-id", given->founder,
                   "the id of the node whose data directory it is [PATRONUS_NODE_ID]")
      ->envname("PATRONUS_NODE_ID");
  add_litestream_option(verb, *given);
  // patronusd says so for PATRONUS_RESTORE.
  verb->add_flag("--once", given->once, "not if it was done before: then the node joins what came of it")
      ->group("");
  verb->callback([&format, &run, given] { run = [&format, given] { return restore_lost(format, *given); }; });
}

}  // namespace patronus::ctl
