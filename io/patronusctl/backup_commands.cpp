#include "io/patronusctl/backup_commands.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "core/base/limits.h"
#include "io/json/writer.h"
#include "io/patronusctl/backup_local.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto kReportPollInterval = 300ms;
constexpr auto kVerifyPatience = 10min;

struct BackupGiven : LocalBackup {
  std::string node;  // empty: all nodes
};

struct NodeAddress {
  std::string id;
  std::string address;
};

// The node that was named, or all. An exit code: they are not known.
std::variant<std::vector<NodeAddress>, int> nodes_of(Cluster& cluster, const std::string& only) {
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/nodes"));
  if (reply.status != 200) return explain(reply);
  std::vector<NodeAddress> nodes;
  const picojson::value body = json_of(reply);
  const char* list = body.contains("items") ? "items" : "nodes";
  for (const picojson::value& node : array_of(body, list)) {
    if (only.empty() || text_of(node, "id") == only)
      nodes.push_back({text_of(node, "id"), text_of(node, "address")});
  }
  if (nodes.empty()) {
    print_error(only.empty() ? "the cluster has no nodes" : "there is no node " + only);
    return kUsage;
  }
  return nodes;
}

bool is_behind(const picojson::value& target) {
  return text_of(target, "lag_ms") == "-" ||
         std::strtoll(text_of(target, "lag_ms").c_str(), nullptr, 10) > in_ms(limits::kBackupLagMax);
}

// What is said of one node: a row for each of its targets. False: something is wrong there.
bool add_rows(const NodeAddress& node, const HttpReply& reply, Table& rows) {
  if (reply.status != 200) {
    rows.push_back({node.id, "-", "-", "-", "-", "-", "-",
                    reply.status == 0 ? reply.error : text_of(json_of(reply), "detail")});
    return false;
  }
  const picojson::value body = json_of(reply);
  const std::string problem = text_of(body, "problem");
  bool is_well = problem == "-";
  if (array_of(body, "targets").empty()) rows.push_back({node.id, "-", "-", "-", "-", "-", "-", problem});
  for (const picojson::value& target : array_of(body, "targets")) {
    const std::string fault = text_of(target, "state_problem");
    const picojson::value& verified = target.get("verified");
    const std::string outcome = !verified.is<picojson::object>() ? "never"
                                : text_of(verified, "ok") == "true"
                                    ? "ok, " + text_of(verified, "at")
                                    : "NOT OK: " + text_of(verified, "detail");
    is_well = is_well && fault == "-" && !is_behind(target) && !outcome.starts_with("NOT");
    rows.push_back({node.id, text_of(target, "name"), text_of(target, "generation"),
                    text_of(target, "position"), text_of(target, "lag_ms"), text_of(target, "last_success"),
                    text_of(target, "state_revision"),
                    problem != "-" ? problem
                    : fault != "-" ? fault
                                   : "verified: " + outcome});
  }
  return is_well;
}

int status(Cluster& cluster, const BackupGiven& given) {
  const std::variant<std::vector<NodeAddress>, int> found = nodes_of(cluster, given.node);
  if (const auto* code = std::get_if<int>(&found)) return *code;
  Table rows;
  bool is_well = true;
  std::string all;
  json::Writer out(all);
  out.begin_object().begin_array("items");
  for (const NodeAddress& node : std::get<std::vector<NodeAddress>>(found)) {
    const HttpReply reply = cluster.ask_node(node.address, get("/api/v1/backup/status"));
    if (reply.status == 401 || reply.status == 403) return explain(reply);
    is_well = add_rows(node, reply, rows) && is_well;
    if (reply.status == 200) out.raw(json_of(reply).serialize());
  }
  out.finish();
  if (cluster.format() == Format::kJson) {
    print_line(all);
  } else {
    print_table({"NODE", "TARGET", "GENERATION", "POSITION", "LAG MS", "LAST SUCCESS", "STATE", ""}, rows);
  }
  return is_well ? kOk : kDegraded;
}

// Asks one node for something and waits until its side process has done it.
class Asking {
 public:
  Asking(Cluster& cluster, NodeAddress node, std::string what)
      : cluster_(cluster), node_(std::move(node)), what_(std::move(what)) {}

  int run(std::chrono::nanoseconds patience) {
    Question question;
    question.method = "POST";
    question.path = "/api/v1/backup/" + what_;
    question.is_safe_to_repeat = true;
    const HttpReply asked = cluster_.ask_node(node_.address, question);
    if (asked.status != 202) return explain(asked);
    const std::string request = text_of(json_of(asked), "request");
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(kReportPollInterval);
      const HttpReply reply = cluster_.ask_node(node_.address, get("/api/v1/backup/status"));
      if (reply.status == 0 || reply.status == 503) continue;
      if (reply.status != 200) return explain(reply);
      body_ = json_of(reply);
      const long long done = std::strtoll(text_of(body_.get(what_), "request").c_str(), nullptr, 10);
      if (done >= std::strtoll(request.c_str(), nullptr, 10)) return kOk;
      if (text_of(body_, "problem") != "-") problem_ = text_of(body_, "problem");
    }
    print_error("node " + node_.id + " has not done it yet" + (problem_.empty() ? "" : ": " + problem_));
    return kError;
  }
  const picojson::value& body() const { return body_; }

 private:
  Cluster& cluster_;
  NodeAddress node_;
  std::string what_;
  std::string problem_;
  picojson::value body_;
};

int now(Cluster& cluster, const BackupGiven& given) {
  const std::variant<std::vector<NodeAddress>, int> found = nodes_of(cluster, given.node);
  if (const auto* code = std::get_if<int>(&found)) return *code;
  int worst = kOk;
  for (const NodeAddress& node : std::get<std::vector<NodeAddress>>(found)) {
    Asking asking(cluster, node, "now");
    if (const int code = asking.run(limits::kBackupNowPatience + 5s); code != kOk) {
      worst = code;
      continue;
    }
    const picojson::value& done = asking.body().get("now");
    const bool is_well = text_of(done, "problem") == "-";
    if (!is_well) worst = kError;
    if (cluster.format() == Format::kJson) {
      print_line(asking.body().serialize());
    } else {
      print_line(node.id + ": " +
                 (is_well ? "every target has all up to " + text_of(done, "covered")
                          : "NOT DONE: " + text_of(done, "problem")));
    }
  }
  return worst;
}

int verify(Cluster& cluster, const BackupGiven& given) {
  const std::variant<std::vector<NodeAddress>, int> found = nodes_of(cluster, given.node);
  if (const auto* code = std::get_if<int>(&found)) return *code;
  int worst = kOk;
  for (const NodeAddress& node : std::get<std::vector<NodeAddress>>(found)) {
    Asking asking(cluster, node, "verify");
    if (const int code = asking.run(kVerifyPatience); code != kOk) {
      worst = code;
      continue;
    }
    if (cluster.format() == Format::kJson) print_line(asking.body().serialize());
    for (const picojson::value& target : array_of(asking.body(), "targets")) {
      const picojson::value& verified = target.get("verified");
      const bool is_well = text_of(verified, "ok") == "true";
      if (!is_well) worst = kError;
      if (cluster.format() != Format::kJson)
        print_line(node.id + ", " + text_of(target, "name") + ": " + (is_well ? "ok, " : "NOT OK: ") +
                   text_of(verified, "detail"));
    }
  }
  return worst;
}

}  // namespace

void add_backup_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<BackupGiven>();
  CLI::App* backup = app.add_subcommand("backup", "The copies off site that Litestream keeps.");
  backup->require_subcommand(1);
  CLI::App* verb = backup->add_subcommand(
      "status",
      "For each node and target: generation, position, how far behind. Exit code 3 if something is wrong.");
  verb->add_option("--node", given->node, "only this one");
  let_do(verb, connection, run, [given](Cluster& cluster) { return status(cluster, *given); });
  verb = backup->add_subcommand("now", "Waits until every target has all that was written by now.");
  verb->add_option("--node", given->node, "only of this one");
  let_do(verb, connection, run, [given](Cluster& cluster) { return now(cluster, *given); });
  verb = backup->add_subcommand("verify",
                                "Has each node restore its copies into a scratch place, check them, and "
                                "compare them with what it has. With --db "
                                "this is done here, beside one node.");
  verb->add_option("--node", given->node, "only of this one");
  CLI::Option* here = verb->add_option("--db", given->database, "of the database at this path, here");
  add_targets_option(verb, *given);
  add_litestream_option(verb, *given);
  verb->callback([&connection, &run, given, here] {
    run = [&connection, given, here] {
      if (here->count() > 0) return verify_here(connection.format, *given);
      Cluster cluster(connection);
      if (cluster.fault()) {
        print_error(*cluster.fault());
        return static_cast<int>(kUsage);
      }
      return verify(cluster, *given);
    };
  });
  add_local_backup_commands(backup, connection.format, run);
}

}  // namespace patronus::ctl
