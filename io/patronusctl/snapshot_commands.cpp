#include "io/patronusctl/snapshot_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/files.h"
#include "io/patronusctl/restore_command.h"
#include "io/patronusctl/verbs.h"
#include "io/random_word.h"
#include "io/storage/file.h"
#include "io/storage/restore.h"

namespace patronus::ctl {
namespace {

struct SnapshotGiven {
  std::string file;
  std::string directory;
  bool keep_sessions = false;
  bool into_cluster = false;
  bool other_cluster = false;
  bool dry_run = false;
  bool yes = false;
};

void print_summary(Format format, const SnapshotSummary& summary, const std::string& file) {
  if (format == Format::kJson) {
    std::string text;
    json::Writer out(text);
    out.begin_object().field("file", file).field("cluster_id", summary.cluster.hex());
    out.field("revision", summary.artefact.index.value).field("term", summary.term.value);
    out.field("bytes", summary.artefact.bytes).field("hash", to_hex(summary.artefact.hash));
    out.field("keys", uint64_t{summary.keys}).field("users", uint64_t{summary.users});
    out.field("sessions", uint64_t{summary.sessions}).finish();
    print_line(text);
    return;
  }
  print_rows({{"file", file},
              {"cluster", summary.cluster.hex()},
              {"revision", std::to_string(summary.artefact.index.value)},
              {"keys", std::to_string(summary.keys)},
              {"users", std::to_string(summary.users)},
              {"sessions", std::to_string(summary.sessions)},
              {"bytes", std::to_string(summary.artefact.bytes)},
              {"hash", to_hex(summary.artefact.hash)}});
}

// A line every two seconds while a large one is fetched.
class Progress {
 public:
  void operator()(uint64_t got, uint64_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(2)) return;
    told_ = now;
    print_warning("fetched " + std::to_string(got) + " of " + std::to_string(all) + " bytes");
  }

 private:
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

// All parts of one snapshot, from the node that keeps it.
int fetch(Cluster& cluster, const std::string& address, const std::string& id, uint64_t bytes, File& file) {
  Progress progress;
  for (uint64_t at = 0; at < bytes;) {
    const HttpReply part =
        cluster.ask_node(address, get("/api/v1/snapshots/" + id + "?offset=" + std::to_string(at)));
    if (part.status != 200) return explain(part);
    if (part.body.empty() || part.body.size() > bytes - at) {
      print_error("the node gave a part of the snapshot that can't be one");
      return kError;
    }
    if (const auto failed = file.write_at(at, part.body)) {
      print_error(*failed);
      return kError;
    }
    at += part.body.size();
    progress(at, bytes);
  }
  if (const auto failed = file.sync_data()) {
    print_error(*failed);
    return kError;
  }
  return kOk;
}

int save(Cluster& cluster, const SnapshotGiven& given) {
  if (is_there(given.file)) {
    print_error(given.file + " is there already; name another file");
    return kUsage;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/snapshots";
  question.is_safe_to_repeat = true;
  const HttpReply made = cluster.ask(question);
  if (made.status != 201) return explain(made);
  const picojson::value info = json_of(made);
  const HttpReply node =
      cluster.ask(get("/api/v1/cluster/nodes/" + std::string(made.header("x-patronus-node"))));
  if (node.status != 200) return explain(node);
  const std::string unfinished = given.file + ".part";
  std::variant<File, std::string> opened = File::open(unfinished, O_RDWR | O_CREAT | O_TRUNC);
  if (const auto* failed = std::get_if<std::string>(&opened)) {
    print_error(*failed);
    return kError;
  }
  const uint64_t bytes = std::strtoull(text_of(info, "bytes").c_str(), nullptr, 10);
  int code =
      fetch(cluster, text_of(json_of(node), "address"), text_of(info, "id"), bytes, std::get<File>(opened));
  if (code == kOk) {
    const std::variant<SnapshotSummary, std::string> checked = check_snapshot(unfinished);
    if (const auto* fault = std::get_if<std::string>(&checked)) {
      print_error(*fault);
      code = kError;
    } else if (std::rename(unfinished.c_str(), given.file.c_str()) != 0) {
      print_error(error_text("create", given.file));
      code = kError;
    } else {
      print_summary(cluster.format(), std::get<SnapshotSummary>(checked), given.file);
    }
  }
  if (code != kOk) ::unlink(unfinished.c_str());
  return code;
}

int list(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/snapshots"));
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  Table rows;
  const picojson::value body = json_of(reply);
  for (const picojson::value& one : array_of(body, "items"))
    rows.push_back(
        {text_of(one, "id"), text_of(one, "revision"), text_of(one, "bytes"), text_of(one, "made_ms")});
  print_line("kept by node " + std::string(reply.header("x-patronus-node")));
  print_table({"SNAPSHOT", "REVISION", "BYTES", "MADE MS"}, rows);
  return kOk;
}

int show(Format format, const SnapshotGiven& given) {
  const std::variant<SnapshotSummary, std::string> checked = check_snapshot(given.file);
  if (const auto* fault = std::get_if<std::string>(&checked)) {
    print_error(*fault);
    return kError;
  }
  print_summary(format, std::get<SnapshotSummary>(checked), given.file);
  return kOk;
}

int restore(Format format, const SnapshotGiven& given) {
  RestoreOptions options;
  options.file = given.file;
  options.directory = given.directory;
  options.keep_sessions = given.keep_sessions;
  options.incarnation = Incarnation{random_word()};
  options.cluster = ClusterId{{random_word(), random_word()}};
  const std::variant<SnapshotSummary, std::string> restored = restore_snapshot(options);
  if (const auto* fault = std::get_if<std::string>(&restored)) {
    print_error(*fault);
    return kError;
  }
  const auto& summary = std::get<SnapshotSummary>(restored);
  print_summary(format, summary, given.file);
  if (format == Format::kJson) return kOk;
  print_line("start patronusd with PATRONUS_DATA_DIR=" + given.directory + ": it founds cluster " +
             options.cluster.hex() +
             " alone; start the other nodes with empty data directories, and they join");
  if (!given.keep_sessions)
    print_line("nobody is logged in there; users and their passwords are as they were");
  return kOk;
}

}  // namespace

void add_snapshot_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<SnapshotGiven>();
  CLI::App* snapshot = app.add_subcommand("snapshot", "The whole state in a file, and a cluster out of one.");
  snapshot->require_subcommand(1);
  CLI::App* verb = snapshot->add_subcommand("save",
                                            "Has a node take a snapshot of all that is acknowledged, fetches "
                                            "it and checks that it can be restored.");
  verb->add_option("FILE", given->file, "where to write it")->required();
  let_do(verb, connection, run, [given](Cluster& cluster) { return save(cluster, *given); });
  let_do(snapshot->add_subcommand("list", "The snapshots that the node that answers keeps."), connection, run,
         [](Cluster& cluster) { return list(cluster); });
  verb = snapshot->add_subcommand("status", "Reads a snapshot to its end and says what is in it.");
  verb->add_option("FILE", given->file, "the snapshot")->required();
  verb->callback(
      [&connection, &run, given] { run = [&connection, given] { return show(connection.format, *given); }; });
  verb = snapshot->add_subcommand("restore",
                                  "Makes the keys of the cluster that runs those of the snapshot, in one "
                                  "step; or makes an empty data directory the "
                                  "first node of a new cluster that has what the snapshot has.");
  verb->add_option("FILE", given->file, "the snapshot")->required();
  CLI::Option* into = verb->add_flag("--into-cluster", given->into_cluster, "the cluster that runs");
  verb->add_option("--data-dir", given->directory, "PATRONUS_DATA_DIR of the node; empty")->excludes(into);
  verb->add_flag("--other-cluster", given->other_cluster, "the snapshot may be another cluster's")
      ->needs(into);
  verb->add_flag("--dry-run", given->dry_run, "says what would be done, and does nothing")->needs(into);
  verb->add_flag("--yes", given->yes, "without asking")->needs(into);
  verb->add_flag(
      "--keep-sessions", given->keep_sessions,
      "who is logged in stays so; into an empty directory, also with sessions that were ended after the "
      "snapshot");
  verb->callback([&connection, &run, given] {
    run = [&connection, given] {
      if (!given->into_cluster && given->directory.empty()) {
        print_error("say where to: --into-cluster, or --data-dir DIRECTORY");
        return static_cast<int>(kUsage);
      }
      if (!given->into_cluster) return restore(connection.format, *given);
      Cluster cluster(connection);
      if (cluster.fault()) {
        print_error(*cluster.fault());
        return static_cast<int>(kUsage);
      }
      return restore_into_cluster(
          cluster, {given->file, given->keep_sessions, given->other_cluster, given->dry_run, given->yes});
    };
  });
}

}  // namespace patronus::ctl
