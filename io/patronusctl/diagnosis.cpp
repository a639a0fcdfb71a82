#include "io/patronusctl/diagnosis.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "io/patronusctl/cluster.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

constexpr int64_t kCertificateDays = 21;
constexpr uint64_t kLagEntries = 10'000;

uint64_t number(const picojson::value& object, const std::string& member) {
  return std::strtoull(text_of(object, member).c_str(), nullptr, 10);
}
std::string plural(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Collects what is found.
class Diagnosis {
 public:
  explicit Diagnosis(const std::vector<Examined>& examined) : examined_(examined) {}

  std::vector<Finding> run() {
    look_at_places();
    look_at_clusters();
    look_at_leadership();
    for (const Examined& one : examined_) {
      look_at_components(one);
      look_at_certificates(one);
    }
    if (const picojson::value* status = fullest()) look_at_members(*status);
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(findings_);
  }

 private:
  void add(Severity severity, std::string what, std::string mend) {
    findings_.push_back({severity, std::move(what), std::move(mend)});
  }

  void look_at_places() {
    for (const Examined& one : examined_) {
      if (one.node.empty())
        add(Severity::kImpaired, one.place + " does not answer: " + one.error,
            "see whether patronusd runs there, and its log; whether the address and --ca are right");
    }
  }

  // Nodes of more than one cluster behind one name serve different states.
  void look_at_clusters() {
    std::map<std::string, std::string> clusters;
    for (const Examined& one : examined_) {
      if (one.node.empty()) continue;
      const std::string id = text_of(one.status, "cluster_id");
      if (id != "-") {
        std::string& nodes = clusters[id];
        nodes += (nodes.empty() ? "" : ", ") + one.node;
        continue;
      }
      const std::string waits = text_of(one.status, "waits_for");
      add(Severity::kImpaired,
          "node " + one.node + " belongs to no cluster yet" + (waits == "-" ? "" : ": " + waits),
          "start the nodes that it waits for, with PATRONUS_PEERS that name each other, or a dns: name that "
          "leads to all of them");
    }
    if (clusters.size() < 2) return;
    std::string all;
    for (const auto& [id, nodes] : clusters) all += (all.empty() ? "" : "; ") + nodes + " of cluster " + id;
    add(Severity::kDown, "these nodes belong to different clusters: " + all,
        "stop those of the cluster that is given up, and let them join with empty data directories");
  }

  void look_at_leadership() {
    size_t answering = 0;
    bool healthy = false;
    for (const Examined& one : examined_) {
      if (!one.node.empty()) ++answering;
      healthy = healthy || is_true(one.status, "healthy");
    }
    if (healthy || answering == 0) return;
    const picojson::value* status = fullest();
    const uint64_t quorum = status == nullptr ? 0 : number(*status, "quorum");
    const std::string needed = quorum == 0 ? "" : " of " + std::to_string(quorum) + " that a majority needs";
    add(Severity::kDown,
        "nobody can write: there is no leader that a majority follows; " + plural(answering, "node") +
            needed + (answering == 1 ? " answers" : " answer"),
        "start the others; if their disks are lost for good: patronusctl node recover");
  }

  void look_at_components(const Examined& one) {
    for (const picojson::value& component : array_of(one.ready, "components")) {
      if (is_true(component, "ok")) continue;
      add(Severity::kImpaired,
          "node " + one.node + (is_true(component, "tolerated") ? " serves, but " : " is not ready: ") +
              text_of(component, "name") + ": " + text_of(component, "reason"),
          "see the log of node " + one.node);
    }
  }

  void look_at_certificates(const Examined& one) {
    if (!one.certificate_days || *one.certificate_days > kCertificateDays) return;
    const bool ended = *one.certificate_days < 0;
    add(ended ? Severity::kImpaired : Severity::kHint,
        "a certificate of node " + one.node +
            (ended ? " has ended" : " ends in " + plural(static_cast<size_t>(*one.certificate_days), "day")),
        "patronusctl tls renew --node " + one.node +
            ", and put the files in place: they are read again by themselves");
  }

  void look_at_members(const picojson::value& status) {
    std::set<std::string> versions;
    size_t voters = 0;
    for (const picojson::value& node : array_of(status, "nodes")) {
      look_at_member(node);
      if (is_true(node, "voter")) ++voters;
      if (const std::string version = text_of(node, "version"); version != "-" && !version.empty())
        versions.insert(version);
    }
    if (versions.size() > 1)
      add(Severity::kHint, "the nodes are of " + std::to_string(versions.size()) + " versions",
          "finish the upgrade; held at the old protocol by PATRONUS_PROTOCOL_MAX it can still be undone");
    const bool serves = is_true(status, "healthy");
    if (serves && voters > 1 && text_of(status, "failure_tolerance") == "0")
      add(Severity::kImpaired, "one more failure stops writes", "mend what is named here, or add a node");
    if (serves && voters == 1)
      add(Severity::kHint, "there is one voter: when it fails nobody can write",
          "start two more nodes with empty data directories");
    if (serves && voters > 1 && voters % 2 == 0)
      add(Severity::kHint,
          std::to_string(voters) + " voters bear no more failures than " + std::to_string(voters - 1),
          "add a node, or remove one: patronusctl node remove");
  }

  void look_at_member(const picojson::value& node) {
    const std::string id = text_of(node, "id");
    const std::string standing = text_of(node, "standing");
    const std::string room = text_of(node, "log_room");
    if (standing == "expected") {
      add(Severity::kHint, "node " + id + " is expected and has not come",
          "start it with an empty data directory, or patronusctl node remove " + id);
      return;
    }
    if (text_of(node, "role") == "stranger")
      add(Severity::kImpaired, "node " + id + " comes with another data directory than the cluster knows",
          "with auto-join it is taken in by itself; else give it its old disk back, or remove and add it");
    if (!is_true(node, "healthy"))
      add(Severity::kImpaired, "the leader does not hear node " + id,
          "start it; if it does not come back: patronusctl node remove " + id);
    if (is_true(node, "draining"))
      add(Severity::kImpaired, "node " + id + " drains", "patronusctl node undrain " + id);
    if (room == "low" || room == "none")
      add(Severity::kImpaired, "the disk of node " + id + " is full",
          "make room on its data directory's disk; nothing has to be restarted");
    if (standing == "learner" && number(node, "lag_entries") > kLagEntries)
      add(Severity::kHint,
          "node " + id + " is catching up, " + text_of(node, "lag_entries") + " entries to go", "wait");
  }

  // Of those who are logged in; the leader's if there is one.
  const picojson::value* fullest() const {
    const picojson::value* found = nullptr;
    for (const Examined& one : examined_) {
      if (!one.status.is<picojson::object>() || !one.status.contains("nodes")) continue;
      if (found == nullptr || text_of(one.status, "leader") == one.node) found = &one.status;
    }
    return found;
  }

  const std::vector<Examined>& examined_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> diagnose(const std::vector<Examined>& examined) { return Diagnosis(examined).run(); }

}  // namespace patronus::ctl
