#include "io/patronusctl/doctor_command.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <set>
#include <utility>

#include "io/json/writer.h"
#include "io/patronusctl/diagnosis.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

constexpr std::string_view kCertificates = "patronus_cert_not_after_timestamp_seconds{";
constexpr int64_t kDaySeconds = 86'400;

// The first end among the certificates in a node's metrics.
std::optional<int64_t> certificate_days(const std::string& metrics) {
  std::optional<int64_t> days;
  for (size_t at = metrics.find(kCertificates); at != std::string::npos;
       at = metrics.find(kCertificates, at + 1)) {
    const size_t value = metrics.find("} ", at);
    if (value == std::string::npos) return days;
    const double end = std::strtod(metrics.c_str() + value + 2, nullptr);
    if (!std::isfinite(end)) continue;
    const int64_t left = (static_cast<int64_t>(end) - int64_t{std::time(nullptr)}) / kDaySeconds;
    days = std::min(days.value_or(left), left);
  }
  return days;
}

template <typename Ask>
Examined examine(const std::string& place, const Ask& ask) {
  Examined one;
  one.place = place;
  HttpReply status = ask(get("/api/v1/cluster/status"));
  // Whoever is not logged in, or whom nobody can vouch for, is told the least all the same.
  if (status.status == 401 || status.status == 403) {
    Question question = get("/api/v1/cluster/status");
    question.with_token = false;
    status = ask(question);
  }
  one.node = std::string(status.header("x-patronus-node"));
  if (status.status == 0 || one.node.empty()) {
    one.node.clear();
    one.error = status.status == 0 ? status.error : "what answers there is no node of this kind";
    return one;
  }
  one.status = json_of(status);
  one.ready = json_of(ask(get("/health/ready?verbose")));
  one.certificate_days = certificate_days(ask(get("/metrics")).body);
  return one;
}

// What was named, and then what the nodes name.
std::vector<Examined> examine_all(Cluster& cluster, const Connection& connection) {
  std::vector<Examined> all;
  std::set<std::string> seen;
  for (const std::string& endpoint : cluster.endpoints()) {
    Connection alone = connection;
    alone.endpoints = {endpoint};
    Cluster there(alone);
    Examined one = examine(endpoint, [&](const Question& question) { return there.ask(question); });
    if (!one.node.empty() && !seen.insert(one.node).second) continue;
    all.push_back(std::move(one));
  }
  const size_t named = all.size();
  for (size_t i = 0; i < named; ++i) {
    const picojson::value status = all[i].status;
    if (!status.is<picojson::object>()) continue;
    for (const picojson::value& node : array_of(status, "nodes")) {
      const std::string address = text_of(node, "address");
      if (address == "-" || address.empty() || !seen.insert(text_of(node, "id")).second) continue;
      Examined one =
          examine(address, [&](const Question& question) { return cluster.ask_node(address, question); });
      // That a member is not heard is found by what the leader says of it.
      if (!one.node.empty()) all.push_back(std::move(one));
    }
  }
  return all;
}

int doctor(Cluster& cluster, const Connection& connection) {
  const std::vector<Examined> examined = examine_all(cluster, connection);
  const std::vector<Finding> findings = diagnose(examined);
  Severity worst = Severity::kHint;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  const bool in_full = std::any_of(examined.begin(), examined.end(), [](const Examined& one) {
    return one.status.is<picojson::object>() && one.status.contains("nodes");
  });
  if (cluster.format() == Format::kJson) {
    static constexpr const char* kNames[] = {"hint", "degraded", "down"};
    std::string text;
    json::Writer out(text);
    out.begin_object().begin_array("findings");
    for (const Finding& finding : findings) {
      out.begin_object().field("severity", kNames[static_cast<size_t>(finding.severity)]);
      out.field("what", finding.what).field("mend", finding.mend).end();
    }
    out.end().field("nodes_examined", uint64_t{examined.size()}).field("in_full", in_full).finish();
    print_line(text);
  } else {
    for (const Finding& finding : findings) {
      print_line((finding.severity == Severity::kHint ? "- " : "! ") + finding.what);
      print_line("    " + finding.mend);
    }
    if (!in_full)
      print_line("not logged in, so the nodes tell little: patronusctl login");
    else if (findings.empty())
      print_line("all is well");
  }
  return worst == Severity::kDown ? kNoQuorum : worst == Severity::kImpaired ? kDegraded : kOk;
}

}  // namespace

void add_doctor_command(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  let_do(app.add_subcommand(
             "doctor",
             "Asks every node and says what is wrong, and the command that mends it. Exit code 3 if "
             "something is, 4 if nobody can write."),
         connection, run, [&connection](Cluster& cluster) { return doctor(cluster, connection); });
}

}  // namespace patronus::ctl
