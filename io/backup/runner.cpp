#include "io/backup/runner.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/limits.h"
#include "io/backup/database_view.h"
#include "io/backup/litestream.h"
#include "io/backup/litestream_config.h"
#include "io/config/time_text.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kCalmMs = 60'000;   // a Litestream that has run for so long may end anew
constexpr int64_t kRetryMs = 60'000;  // after a state could not be put somewhere
constexpr int64_t kFirstStateMs =
    2'000;  // a new node's image is looked at this often until there is something in it
constexpr auto kFlushPatience = 10s;
constexpr auto kStuckPatience = 2s;

// The line that is JSON; a program may have said something else besides.
std::string json_line(const std::string& output) {
  const size_t at = output.starts_with('{') ? 0 : output.rfind("\n{");
  if (at == std::string::npos) return "";
  const size_t begin = output[at] == '\n' ? at + 1 : at;
  return output.substr(begin, output.find('\n', begin) - begin);
}

std::string joined_urls(const std::vector<Target>& targets) {
  std::string text;
  for (const Target& target : targets) text += (text.empty() ? "" : ",") + target.url();
  return text;
}

// Whole or not at all for who reads it, but without a sync, which the node's log would have to wait for:
// after a crash it is written again within a second.
void write_loosely(const std::string& path, const std::string& content) {
  const std::string unfinished = path + ".new";
  std::variant<File, std::string> opened = File::open(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
  const auto* failed = std::get_if<std::string>(&opened);
  if (failed == nullptr && !std::get<File>(opened).write_at(0, content))
    (void)std::rename(unfinished.c_str(), path.c_str());
}

}  // namespace

Runner::Runner(RunOptions options) : options_(std::move(options)), mailbox_(mailbox_of(options_.database)) {
  for (const Target& target : options_.targets) {
    TargetReport one;
    one.name = target.name;
    one.url = target.url();
    report_.targets.push_back(std::move(one));
  }
}

std::optional<std::string> Runner::run(const volatile std::sig_atomic_t& stop) {
  if (auto failed = make_mailbox()) return failed;
  // What a former side process has done is not done again; what it has verified is still known.
  std::variant<std::optional<std::string>, std::string> before =
      read_if_there(report_path(mailbox_), limits::kBackupReportBytesMax);
  if (const auto* text = std::get_if<std::optional<std::string>>(&before); text != nullptr && *text) {
    if (std::optional<Report> known = decode_report(**text)) {
      seen_ = {known->now_done, known->verify_done};
      report_.now_done = known->now_done;
      report_.now_ms = known->now_ms;
      report_.now_fault = known->now_fault;
      report_.verify_done = known->verify_done;
      report_.verified = known->verified;
    }
  }
  now_ms_ = wall_now_ms();
  state_.next_ms = now_ms_;
  verify_.next_ms = now_ms_ + in_ms(options_.verify_interval);
  for (const VerifyReport& one : report_.verified)
    verify_.next_ms = std::min(verify_.next_ms, one.at_ms + in_ms(options_.verify_interval));
  auto next = std::chrono::steady_clock::now();
  while (stop == 0) {
    if (std::chrono::steady_clock::now() < next) {
      std::this_thread::sleep_for(50ms);
      continue;
    }
    next = std::chrono::steady_clock::now() + limits::kBackupReportInterval;
    turn();
  }
  if (litestream_) litestream_->end(kFlushPatience);
  return std::nullopt;
}

// Of its owner alone. Whoever takes a node's disk away takes it too.
std::optional<std::string> Runner::make_mailbox() const {
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(mailbox_, error);
  if (error) return "can't create " + mailbox_ + ": " + error.message();
  if (is_new) std::filesystem::permissions(mailbox_, std::filesystem::perms::owner_all, error);
  return std::nullopt;
}

void Runner::turn() {
  now_ms_ = wall_now_ms();
  (void)make_mailbox();
  look_at_database();
  keep_litestream();
  look_at_litestream();
  read_requests();
  pursue_now();
  keep_states();
  keep_verifying();
  report();
}

void Runner::look_at_database() {
  struct stat about{};
  if (::stat(options_.database.c_str(), &about) != 0) {
    file_.reset();
    fault_ = "waits for the node to make " + options_.database;
    return;
  }
  file_ = FileId{about.st_dev, about.st_ino};
  std::variant<DatabaseView, std::string> opened = DatabaseView::open(options_.database, false);
  if (auto* failed = std::get_if<std::string>(&opened)) {
    fault_ = std::move(*failed);
    return;
  }
  std::variant<DatabaseMeta, std::string> read = std::get<DatabaseView>(opened).meta();
  if (auto* failed = std::get_if<std::string>(&read)) {
    // A node that has not met its cluster has not written any yet.
    fault_ = cluster_ ? std::move(*failed) : "waits until the node belongs to a cluster";
    return;
  }
  const auto& meta = std::get<DatabaseMeta>(read);
  fault_.clear();
  cluster_ = meta.cluster;
  node_ = meta.node;
  heartbeat_ms_ = meta.heartbeat_ms;
}

// Litestream keeps open what it began with, and ships to one path: another file, or another cluster, takes
// another one.
void Runner::keep_litestream() {
  const bool is_right = file_ && cluster_ && shipped_file_ == file_ && shipped_cluster_ == cluster_;
  if (litestream_ && !is_right) {
    litestream_->end(kFlushPatience);
    litestream_.reset();
    restart_delay_ms_ = 0;
    start_at_ms_ = now_ms_;
  }
  if (litestream_) {
    if (const std::optional<int> code = litestream_->poll()) {
      if (now_ms_ - started_ms_ > kCalmMs) restart_delay_ms_ = 0;
      restart_delay_ms_ =
          std::clamp<int64_t>(2 * restart_delay_ms_, 1'000, in_ms(limits::kBackupRestartDelayMax));
      start_at_ms_ = now_ms_ + restart_delay_ms_;
      litestream_fault_ = *code == 127 ? options_.litestream + " can't be run; install Litestream " +
                                             std::string(kLitestreamVersion) + " or name it by --litestream"
                                       : "Litestream ended with code " + std::to_string(*code);
      litestream_.reset();
    } else if (now_ms_ - started_ms_ > in_ms(5s)) {
      litestream_fault_.clear();
    }
  }
  if (!litestream_ && file_ && cluster_ && fault_.empty() && now_ms_ >= start_at_ms_) start_litestream();
}

void Runner::start_litestream() {
  LitestreamConfig config;
  config.database = options_.database;
  config.path = node_path(*cluster_, node_);
  config.metrics_addr = options_.metrics_addr;
  config.targets = options_.targets;
  if (auto failed = replace_file(mailbox_, "litestream.yml", render(config))) {
    litestream_fault_ = std::move(*failed);
    return;
  }
  std::variant<Child, std::string> started = Child::start(
      {options_.litestream, "replicate", "-config", mailbox_ + "/litestream.yml", "-no-expand-env"},
      Child::Output::kShared);
  if (auto* failed = std::get_if<std::string>(&started)) {
    litestream_fault_ = std::move(*failed);
    return;
  }
  litestream_.emplace(std::move(std::get<Child>(started)));
  shipped_file_ = file_;
  shipped_cluster_ = cluster_;
  started_ms_ = now_ms_;
  shipping_ = Shipping();
  reached_ms_ = 0;
  stuck_patience_ms_ = std::max(stuck_patience_ms_, in_ms(limits::kBackupStuckMin));
  // A new cluster, or a node that begins anew, has no state off site yet.
  state_.next_ms = std::min(state_.next_ms, now_ms_ + kFirstStateMs);
}

void Runner::look_at_litestream() {
  report_.runs = litestream_.has_value();
  if (!litestream_) return;
  if (const std::optional<std::string> text = options_.get("http://" + options_.metrics_addr + "/metrics"))
    shipping_.saw(now_ms_, generation_of(options_.database), parse_litestream_metrics(*text));
  replace_stuck_litestream();
}

// Version 0.3.13 waits for ever to write to a target that refused a file before reading any of it, also once
// the target is back. A new one begins where the old one was. It may as well be a large snapshot on its way,
// so patience grows.
void Runner::replace_stuck_litestream() {
  const int64_t covered = covered_by_all();
  if (covered > reached_ms_) {
    reached_ms_ = covered;
    moved_ms_ = now_ms_;
    stuck_patience_ms_ = in_ms(limits::kBackupStuckMin);
    return;
  }
  if (now_ms_ - std::max(moved_ms_, started_ms_) < stuck_patience_ms_) return;
  stuck_patience_ms_ = std::min(2 * stuck_patience_ms_, in_ms(limits::kBackupStuckMax));
  // It would not end by itself either.
  litestream_->end(kStuckPatience);
  litestream_.reset();
  litestream_fault_ = "a target has taken nothing for a while; Litestream was started anew";
  start_at_ms_ = now_ms_;
}

int64_t Runner::covered_by_all() const {
  int64_t covered = now_ms_;
  for (const Target& target : options_.targets)
    covered = std::min(covered, shipping_.covered_ms(target.name));
  return covered;
}

void Runner::read_requests() {
  std::variant<std::optional<std::string>, std::string> read =
      read_if_there(requests_path(mailbox_), limits::kBackupReportBytesMax);
  const auto* text = std::get_if<std::optional<std::string>>(&read);
  if (text == nullptr || !*text) return;
  const std::optional<Requests> requests = decode_requests(**text);
  if (!requests) return;
  if (requests->now > seen_.now) {
    seen_.now = requests->now;
    now_asked_ms_ = now_ms_;
    heartbeat_seen_ms_.reset();
  }
  if (requests->verify > seen_.verify) {
    seen_.verify = requests->verify;
    // One that is under way may have begun before what is to be verified: another one follows it.
    verify_.next_ms = now_ms_;
  }
}

void Runner::pursue_now() {
  if (!now_asked_ms_) return;
  if (!heartbeat_seen_ms_ && heartbeat_ms_ >= *now_asked_ms_) heartbeat_seen_ms_ = now_ms_;
  const int64_t covered = covered_by_all();
  if (heartbeat_seen_ms_ && covered >= *heartbeat_seen_ms_) {
    report_.now_ms = covered;
    end_now("");
  } else if (now_ms_ - *now_asked_ms_ > in_ms(limits::kBackupNowPatience)) {
    end_now(!heartbeat_seen_ms_ ? "the node has not written a heartbeat to its database"
                                : "not every target has what was written since");
  }
}

void Runner::end_now(std::string fault) {
  report_.now_done = seen_.now;
  report_.now_fault = std::move(fault);
  now_asked_ms_.reset();
}

Command Runner::own_command(const std::string& verb) const {
  return {options_.self,     "-o",        "json",
          "backup",          verb,        "--db",
          options_.database, "--targets", joined_urls(options_.targets)};
}

void Runner::keep_states() {
  if (state_.child) {
    if (!state_.child->poll()) return;
    take_states(state_.child->output());
    state_.child.reset();
    return;
  }
  if (!cluster_ || !file_ || now_ms_ < state_.next_ms) return;
  state_.next_ms = now_ms_ + kRetryMs;
  Command command = own_command("put-state");
  command.insert(command.end(),
                 {"--data-dir", options_.data_directory, "--keep", std::to_string(options_.states_kept)});
  std::variant<Child, std::string> started = Child::start(command, Child::Output::kKept);
  if (auto* child = std::get_if<Child>(&started)) state_.child.emplace(std::move(*child));
}

void Runner::take_states(const std::string& output) {
  const std::optional<std::vector<StatePut>> puts = decode_puts(json_line(output));
  int64_t next = now_ms_ + in_ms(options_.state_interval);
  for (size_t i = 0; i < report_.targets.size(); ++i) {
    // Or its turn would come at once for ever, and at the others states of minutes replace those of hours.
    if (!takes_objects(options_.targets[i].kind)) continue;
    TargetReport& target = report_.targets[i];
    const auto put = !puts ? std::vector<StatePut>::const_iterator()
                           : std::find_if(puts->begin(), puts->end(),
                                          [&](const StatePut& one) { return one.target == target.name; });
    if (!puts || put == puts->end()) {
      target.state_fault = "the state could not be read: " + output.substr(0, 300);
      next = std::min(next, now_ms_ + kRetryMs);
      continue;
    }
    target.state_fault = put->fault;
    if (!put->fault.empty()) next = std::min(next, now_ms_ + kRetryMs);
    if (put->fault.empty() && put->revision == 0) next = std::min(next, now_ms_ + kFirstStateMs);
    if (put->fault.empty() && put->revision != 0) {
      target.state_revision = put->revision;
      target.state_ms = now_ms_;
    }
  }
  state_.next_ms = next;
}

void Runner::keep_verifying() {
  if (verify_.child) {
    if (!verify_.child->poll()) return;
    take_verified(verify_.child->output());
    verify_.child.reset();
    return;
  }
  const bool is_wanted = report_.verify_done < seen_.verify || options_.verify_interval.count() > 0;
  if (!is_wanted || !cluster_ || !file_ || now_ms_ < verify_.next_ms) return;
  verify_.next_ms = now_ms_ + std::max(in_ms(options_.verify_interval), kRetryMs);
  Command command = own_command("verify");
  command.insert(command.end(), {"--litestream", options_.litestream});
  std::variant<Child, std::string> started = Child::start(command, Child::Output::kKept);
  if (auto* child = std::get_if<Child>(&started)) verify_.child.emplace(std::move(*child));
  verify_answers_ = seen_.verify;
}

void Runner::take_verified(const std::string& output) {
  std::optional<std::vector<VerifyReport>> verified = decode_verified(json_line(output));
  if (!verified) {
    verified.emplace();
    for (const Target& target : options_.targets) {
      VerifyReport failed;
      failed.target = target.name;
      failed.at_ms = now_ms_;
      failed.detail = "it could not be verified: " + output.substr(0, 300);
      verified->push_back(std::move(failed));
    }
  }
  report_.verified = std::move(*verified);
  report_.verify_done = verify_answers_;
}

void Runner::report() {
  report_.node = node_;
  report_.cluster = cluster_ ? cluster_->hex() : "";
  report_.at_ms = now_ms_;
  report_.detail = !fault_.empty() ? fault_ : litestream_fault_;
  report_.shadow = shipping_.shadow();
  for (TargetReport& target : report_.targets) {
    target.generation = shipping_.generation();
    target.replica = shipping_.position(target.name);
    // What was covered once stays so, also while Litestream starts again.
    target.covered_ms = std::max(target.covered_ms, shipping_.covered_ms(target.name));
  }
  write_loosely(report_path(mailbox_), encode(report_));
}

}  // namespace patronus::backup
