#include "io/patronusctl/recover_command.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "io/auth/openssl_crypto.h"
#include "io/auth/recovery_token.h"
#include "io/config/config.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/files.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

struct RecoverGiven {
  std::string secret_file;
  std::string node;
  bool yes = false;
};

// A node that is still there.
struct Survivor {
  std::string endpoint;
  picojson::value remains;

  std::string text(const char* name) const { return text_of(remains, name); }
  uint64_t number(const char* name) const { return std::strtoull(text(name).c_str(), nullptr, 10); }
  std::pair<uint64_t, uint64_t> end() const { return {number("last_term"), number("last_index")}; }
  bool is(const char* name) const { return text(name) == "true"; }
};

std::optional<std::string> read_secret(const RecoverGiven& given) {
  std::string text;
  if (!given.secret_file.empty()) {
    ReadFile file = read_small_file(given.secret_file);
    if (!file.error.empty()) {
      print_error(file.error);
      return std::nullopt;
    }
    text = std::move(file.content);
  } else if (const char* value = std::getenv("PATRONUS_CLUSTER_SECRET")) {
    text = value;
  } else {
    print_error(
        "this needs the cluster's secret: --cluster-secret-file FILE, as made by patronusctl tls init");
    return std::nullopt;
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  std::optional<std::string> secret = parse_cluster_secret(text);
  if (!secret) print_error("what was given is no cluster secret");
  return secret;
}

Question question_of(const std::string& cluster_id, auth::Crypto& crypto) {
  Question question = get("/api/v1/admin/recovery");
  question.with_token = false;
  question.headers.push_back("Authorization: Recovery " + auth::recovery_token(cluster_id, crypto));
  return question;
}

// Each endpoint by itself; one that does not answer is said to be gone.
std::optional<Survivor> look_at(const Connection& connection, const std::string& endpoint,
                                auth::Crypto& crypto, int& code) {
  Connection alone = connection;
  alone.endpoints = {endpoint};
  Cluster node(alone);
  Question status = get("/api/v1/cluster/status");
  status.with_token = false;
  const HttpReply known = node.ask(status);
  if (known.status != 200) {
    print_error(endpoint + " does not answer" + (known.status == 0 ? "" : " as a node does"));
    return std::nullopt;
  }
  const HttpReply reply = node.ask(question_of(text_of(json_of(known), "cluster_id"), crypto));
  if (reply.status == 200) return Survivor{endpoint, json_of(reply)};
  code = explain(reply);
  return std::nullopt;
}

void print_survivors(const std::vector<Survivor>& survivors) {
  Table rows;
  for (const Survivor& one : survivors) {
    rows.push_back({one.text("node"), one.endpoint, one.text("last_term"), one.text("last_index"),
                    one.text("committed_index"), one.is("voter") ? "voter" : "no vote",
                    one.text("silence_ms"), one.is("lost") ? "lost" : "has a leader"});
  }
  print_table({"NODE", "ENDPOINT", "LAST TERM", "LAST ENTRY", "KNOWN COMMITTED", "STANDING",
               "LEADER HEARD MS AGO", "MAJORITY"},
              rows);
}

void print_json_of(const std::vector<Survivor>& survivors, const Survivor& best) {
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("survivors");
  for (const Survivor& one : survivors) out.raw(one.remains.serialize());
  out.end().field("best", best.text("node")).finish();
  print_line(text);
}

void print_loss(const Survivor& best) {
  const uint64_t end = best.number("last_index");
  const uint64_t committed = best.number("committed_index");
  print_line("node " + best.text("node") + " holds the most: entries up to " + std::to_string(end) +
             " of term " + best.text("last_term"));
  if (committed > end) {
    print_line("what is lost: at least " + std::to_string(committed - end) +
               " entries that were acknowledged to clients, and whatever came after");
  } else {
    print_line(
        "what may be lost: writes that the lost nodes acknowledged after that entry, which nobody here can "
        "know");
  }
}

int begin(const Connection& connection, const Survivor& best, auth::Crypto& crypto) {
  Connection alone = connection;
  alone.endpoints = {best.endpoint};
  Cluster node(alone);
  Question question = get("/api/v1/admin/recovery");
  question.with_token = false;
  question.headers.push_back("Authorization: Recovery " +
                             auth::founding_token(best.text("cluster_id"), best.text("node"),
                                                  best.number("last_term"), best.number("last_index"),
                                                  crypto));
  question.method = "POST";
  question.body.emplace();
  json::Writer(*question.body)
      .begin_object()
      .field("cluster_id", best.text("cluster_id"))
      .field("last_term", best.number("last_term"))
      .field("last_index", best.number("last_index"))
      .finish();
  const HttpReply reply = node.ask(question);
  if (reply.status != 202) return explain(reply);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < until) {
    Question status = get("/api/v1/cluster/status");
    status.with_token = false;
    const picojson::value now = json_of(node.ask(status));
    if (text_of(now, "cluster_id") != best.text("cluster_id") && text_of(now, "healthy") == "true") {
      print_line("node " + text_of(now, "leader") + " leads cluster " + text_of(now, "cluster_id") +
                 ", which goes on from cluster " + best.text("cluster_id"));
      print_line(
          "the other nodes, those that are back and those that were lost, belong to the cluster that is "
          "given up and "
          "stop when they hear of this one: move their data directories away, start them again, and they "
          "join");
      return kOk;
    }
    std::this_thread::sleep_for(200ms);
  }
  print_error("the node was told to go on alone and has not been seen to lead yet; see patronusctl status");
  return kError;
}

int recover(const Connection& connection, const RecoverGiven& given) {
  const std::optional<std::string> secret = read_secret(given);
  if (!secret) return kUsage;
  Cluster cluster(connection);
  if (cluster.fault()) {
    print_error(*cluster.fault());
    return kUsage;
  }
  auth::OpensslCrypto crypto(*secret);
  std::vector<Survivor> survivors;
  int code = kError;
  for (const std::string& endpoint : cluster.endpoints()) {
    if (std::optional<Survivor> one = look_at(connection, endpoint, crypto, code))
      survivors.push_back(std::move(*one));
  }
  if (survivors.empty()) {
    print_error("no node answered; name each that is left by --endpoint");
    return code;
  }
  const auto wanted = [&](const Survivor& one) {
    return given.node.empty() ? one.is("voter") : one.text("node") == given.node;
  };
  const Survivor* best = nullptr;
  bool is_lost = true;
  bool is_one_cluster = true;
  for (const Survivor& one : survivors) {
    is_lost = is_lost && one.is("lost");
    is_one_cluster = is_one_cluster && one.text("cluster_id") == survivors.front().text("cluster_id");
    if (wanted(one) && (best == nullptr || one.end() > best->end())) best = &one;
  }
  if (best == nullptr) {
    print_error(given.node.empty()
                    ? "none of these nodes has a vote; name one by --node to go on from it all the same"
                    : "node " + given.node + " is none of those that answered");
    return kUsage;
  }
  if (connection.format == Format::kJson) {
    print_json_of(survivors, *best);
  } else {
    print_survivors(survivors);
    print_loss(*best);
  }
  if (!is_one_cluster) {
    print_error(
        "these nodes do not belong to one cluster; name by --endpoint only those of the one that is lost");
    return kConflict;
  }
  if (!is_lost) {
    print_error("a majority may still be there: a leader is heard, or was a moment ago");
    return kConflict;
  }
  if (!given.yes) {
    print_line("nothing was done; with --yes node " + best->text("node") +
               " goes on alone, and all others are given up. Be sure that they do not run");
    return kOk;
  }
  return begin(connection, *best, crypto);
}

}  // namespace

void add_recover_command(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<RecoverGiven>();
  CLI::App* verb = app.get_subcommand("node")->add_subcommand(
      "recover",
      "Where the majority is lost for good: shows what each node that is left holds (name them all by "
      "--endpoint), "
      "and with --yes founds a new cluster from the one that holds the most.");
  verb->add_option("--cluster-secret-file", given->secret_file,
                   "the file that patronusctl tls init made [PATRONUS_CLUSTER_SECRET]");
  verb->add_option("--node", given->node, "go on from this one instead");
  verb->add_flag("--yes", given->yes, "do it");
  verb->callback(
      [&connection, &run, given] { run = [&connection, given] { return recover(connection, *given); }; });
}

}  // namespace patronus::ctl
