#include "io/patronusctl/restore_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

#include "core/base/limits.h"
#include "core/snapshot.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/verbs.h"
#include "io/storage/file.h"
#include "io/storage/restore.h"

namespace patronus::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollInterval = 300ms;
constexpr auto kTellInterval = 2s;
constexpr auto kSilencePatience = 30s;
constexpr int kPartTriesMax = 40;

class Restoring {
 public:
  Restoring(Cluster& cluster, const RestoreIntoCluster& given) : cluster_(cluster), given_(given) {}

  int run() {
    const std::variant<SnapshotSummary, std::string> checked = check_snapshot(given_.file);
    if (const auto* fault = std::get_if<std::string>(&checked)) {
      print_error(*fault);
      return kError;
    }
    summary_ = std::get<SnapshotSummary>(checked);
    id_ = snapshot_id(summary_.artefact);
    print_stake(cluster_, "before");
    if (const int code = choose_node(); code != kOk) return code;
    bool is_there = false;
    if (const int code = look_for_it(is_there); code != kOk) return code;
    if (given_.dry_run && !is_there) {
      tell_without_node();
      return kOk;
    }
    if (!is_there) {
      if (const int code = bring(); code != kOk) return code;
    }
    if (const int code = look_ahead(); code != kOk || given_.dry_run) return code;
    if (!given_.yes && !agreed()) return kUsage;
    const HttpReply begun = ask(post(false));
    if (begun.status != 202) return explain(begun);
    return wait();
  }

 private:
  HttpReply ask(const Question& question) { return cluster_.ask_node(address_, question); }
  bool for_people() const { return cluster_.format() != Format::kJson; }

  Question post(bool dry_run) const {
    Question question;
    question.method = "POST";
    question.path = "/api/v1/snapshots/restore";
    question.body.emplace();
    json::Writer out(*question.body);
    out.begin_object().field("id", id_).field("keep_sessions", given_.keep_sessions);
    out.field("dry_run", dry_run).field("other_cluster", given_.other_cluster).finish();
    question.is_safe_to_repeat = dry_run;
    return question;
  }

  // All of it is asked of the node that answers first: the snapshot is brought to that one.
  int choose_node() {
    const HttpReply reply = cluster_.ask(get("/api/v1/snapshots"));
    if (reply.status != 200) return explain(reply);
    node_ = std::string(reply.header("x-patronus-node"));
    const HttpReply found = cluster_.ask(get("/api/v1/cluster/nodes/" + escaped(node_)));
    if (found.status != 200) return explain(found);
    address_ = text_of(json_of(found), "address");
    return kOk;
  }

  int look_for_it(bool& is_there) {
    const HttpReply reply = ask(get("/api/v1/snapshots"));
    if (reply.status != 200) return explain(reply);
    const picojson::value body = json_of(reply);
    for (const picojson::value& one : array_of(body, "items"))
      is_there = is_there || text_of(one, "id") == id_;
    return kOk;
  }

  void tell_without_node() const {
    print_line("would bring snapshot " + id_ + " to node " + node_ + ", and make the cluster's keys the " +
               std::to_string(summary_.keys) + " of revision " +
               std::to_string(summary_.artefact.index.value) +
               (summary_.has_tables ? ", its sites and policies the " + std::to_string(summary_.sites) +
                                          " and " + std::to_string(summary_.policies) + " of then"
                                    : "") +
               "; others are deleted");
    print_line(given_.keep_sessions ? "sessions stay" : "all sessions end but that of whoever restores");
  }

  // In parts, from wherever the node wants the next: it may have some of it already.
  int bring() {
    std::variant<File, std::string> opened = File::open(given_.file, O_RDONLY);
    if (const auto* failed = std::get_if<std::string>(&opened)) {
      print_error(*failed);
      return kError;
    }
    const auto& file = std::get<File>(opened);
    const uint64_t all = summary_.artefact.bytes;
    uint64_t at = 0;
    int tries = 0;
    while (true) {
      std::string part(std::min<uint64_t>(limits::kSnapshotPartBytes, all - std::min(at, all)), '\0');
      const ssize_t n = ::pread(file.fd(), part.data(), part.size(), static_cast<off_t>(at));
      if (n <= 0) {
        print_error(n < 0 ? error_text("read", given_.file) : given_.file + " changed while it was read");
        return kError;
      }
      part.resize(static_cast<size_t>(n));
      Question question;
      question.method = "PUT";
      question.path = "/api/v1/snapshots/" + id_ + "?offset=" + std::to_string(at);
      question.content_type = "application/octet-stream";
      question.body = std::move(part);
      question.is_safe_to_repeat = true;
      const HttpReply reply = ask(question);
      if (reply.status == 201) return kOk;
      const std::string wanted(reply.header("x-patronus-snapshot-offset"));
      const bool is_told = (reply.status == 202 || reply.status == 409) && !wanted.empty();
      const bool may_try_again = reply.status == 0 || reply.status == 503;
      if (!is_told && (!may_try_again || ++tries == kPartTriesMax)) return explain(reply);
      if (is_told) {
        const uint64_t next = std::strtoull(wanted.c_str(), nullptr, 10);
        if (next > at) tries = 0;
        if (next <= at && ++tries == kPartTriesMax) return explain(reply);
        at = next;
      } else {
        std::this_thread::sleep_for(500ms);
      }
      tell("brought " + std::to_string(at) + " of " + std::to_string(all) + " bytes to node " + node_);
    }
  }

  // What would happen, as the node sees it.
  int look_ahead() {
    const HttpReply reply = ask(post(true));
    if (reply.status != 200) return explain(reply);
    if (!for_people()) {
      if (given_.dry_run) print_json(reply);
      return kOk;
    }
    const picojson::value body = json_of(reply);
    print_line("snapshot " + id_ + " of cluster " + text_of(body, "cluster_id") + ", taken at " +
               text_of(body, "taken_at") +
               (text_of(body, "same_cluster") == "true" ? "" : ": another cluster than this"));
    print_line((given_.dry_run ? "would make" : "will make") + std::string(" the cluster's keys, ") +
               text_of(body, "keys_now") + " by now, the " + text_of(body, "keys") + " of revision " +
               text_of(body, "revision") + "; what was written since is lost, in one step on every node");
    print_line(is_true(body, "replaces_tables")
                   ? "so " + text_of(body, "sites") + " sites and " + text_of(body, "policies") +
                         " policies take the place of " + text_of(body, "sites_now") + " and " +
                         text_of(body, "policies_now")
                   : "sites and policies stay as they are now: the snapshot was taken before there were any");
    print_line(text_of(body, "sessions_end") +
               " sessions end; users, passwords, roles, keys that sign and nodes stay as they are now");
    return kOk;
  }

  bool agreed() const {
    if (::isatty(STDIN_FILENO) == 0) {
      print_error("nobody is there to ask; say --yes to restore");
      return false;
    }
    print_bytes("restore? type yes: ");
    std::cout.flush();
    std::string said;
    std::getline(std::cin, said);
    if (said == "yes") return true;
    print_error("nothing was done");
    return false;
  }

  int wait() {
    auto heard = std::chrono::steady_clock::now();
    while (true) {
      std::this_thread::sleep_for(kPollInterval);
      HttpReply reply = ask(get("/api/v1/snapshots/restore"));
      // The node may have died; then the others know whether it was done.
      if (reply.status == 0 || reply.status == 503) {
        const HttpReply elsewhere = cluster_.ask(get("/api/v1/snapshots/restore"));
        if (elsewhere.status == 200) reply = elsewhere;
      }
      const picojson::value body = json_of(reply);
      const auto now = std::chrono::steady_clock::now();
      const bool is_of_it = reply.status == 200 && text_of(body, "id") == id_;
      const std::string state = is_of_it ? text_of(body, "state") : "unknown";
      if (reply.status == 401 || reply.status == 403) return explain(reply);
      if (state == "done") return report(reply, body);
      if (state == "failed") {
        if (!for_people()) print_json(reply);
        print_error("the cluster is as it was: " + text_of(body, "error"));
        return kError;
      }
      const bool goes_on = is_of_it && text_of(body, "driven_here") == "true";
      if (goes_on) {
        heard = now;
        tell(state + ": " + text_of(body, "rows_done") + " of " + text_of(body, "rows_total") + " rows");
      } else if (now - heard > kSilencePatience) {
        print_error(
            "node " + node_ +
            ", which restores, does not answer; what is staged is dropped and the cluster stays as it is, "
            "unless it was done already: see GET /api/v1/snapshots/restore of another node");
        return kError;
      }
    }
  }

  int report(const HttpReply& reply, const picojson::value& body) {
    if (!for_people()) {
      print_json(reply);
      return kOk;
    }
    print_line("restored at revision " + text_of(body, "revision") + ": " + text_of(body, "keys_put") +
               " keys, sites and policies put, " + text_of(body, "keys_deleted") + " deleted, " +
               text_of(body, "keys_unchanged") + " as they were; " + text_of(body, "sessions_ended") +
               " sessions ended");
    print_stake(cluster_, "after");
    return kOk;
  }

  void tell(const std::string& line) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < kTellInterval) return;
    told_ = now;
    print_warning(line);
  }

  Cluster& cluster_;
  const RestoreIntoCluster& given_;
  SnapshotSummary summary_;
  std::string id_;
  std::string node_;
  std::string address_;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

}  // namespace

int restore_into_cluster(Cluster& cluster, const RestoreIntoCluster& given) {
  return Restoring(cluster, given).run();
}

}  // namespace patronus::ctl
