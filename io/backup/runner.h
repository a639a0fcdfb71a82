// The side process of a node: keeps Litestream going for its database, puts state artefacts beside what that
// ships, verifies copies now and then, and tells the node how all of it stands (mailbox.h).
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "io/backup/child.h"
#include "io/backup/mailbox.h"
#include "io/backup/shipping.h"
#include "io/backup/target.h"

namespace patronus::backup {

struct RunOptions {
  std::string database;        // PATRONUS_DB_PATH of the node
  std::string data_directory;  // PATRONUS_DATA_DIR of the node, whose image is read
  std::vector<Target> targets;
  std::string litestream = "litestream";
  std::string self;          // this program, for what is better off in a process of its own
  std::string metrics_addr;  // host:port on which Litestream serves its metrics
  Duration state_interval{};
  size_t states_kept = 0;
  Duration verify_interval{};  // 0: never by itself
  // What GET answers, at this URL on this machine, within a second or two; nothing if there is no answer.
  std::function<std::optional<std::string>(const std::string& url)> get;
};

class Runner {
 public:
  explicit Runner(RunOptions options);

  // Until `stop` is set; then ends what it has started, so that Litestream ships what it has. Returns
  // nothing, or why it can't go on.
  [[nodiscard]] std::optional<std::string> run(const volatile std::sig_atomic_t& stop);

 private:
  // Something that is done now and then, in a process of its own.
  struct Task {
    std::optional<Child> child;
    int64_t next_ms = 0;  // when it is due
  };
  // Which file it is that stands under the database's name.
  struct FileId {
    uint64_t device = 0;
    uint64_t inode = 0;

    friend bool operator==(const FileId&, const FileId&) = default;
  };

  [[nodiscard]] std::optional<std::string> make_mailbox() const;
  void turn();
  void look_at_database();
  void keep_litestream();
  void start_litestream();
  void look_at_litestream();
  void replace_stuck_litestream();
  void read_requests();
  void pursue_now();
  void end_now(std::string fault);
  [[nodiscard]] Command own_command(const std::string& verb) const;
  void keep_states();
  void take_states(const std::string& output);
  void keep_verifying();
  void take_verified(const std::string& output);
  void report();
  // Up to which moment every target has everything; 0: not known.
  int64_t covered_by_all() const;

  RunOptions options_;
  std::string mailbox_;
  int64_t now_ms_ = 0;

  std::optional<FileId> file_;
  std::optional<ClusterId> cluster_;
  NodeId node_;
  int64_t heartbeat_ms_ = 0;
  std::string fault_;  // what is waited for, or wrong

  std::optional<Child> litestream_;
  std::optional<FileId> shipped_file_;  // what Litestream has open, and to whose path it ships
  std::optional<ClusterId> shipped_cluster_;
  int64_t started_ms_ = 0;
  int64_t start_at_ms_ = 0;
  int64_t restart_delay_ms_ = 0;
  std::string litestream_fault_;
  int64_t reached_ms_ = 0;  // what every target had when the last of them moved on, and when that was
  int64_t moved_ms_ = 0;
  int64_t stuck_patience_ms_ = 0;
  Shipping shipping_;

  Requests seen_;
  std::optional<int64_t> now_asked_ms_;
  std::optional<int64_t> heartbeat_seen_ms_;  // one that is later than the request was seen at this time
  Task state_;
  Task verify_;
  uint64_t verify_answers_ = 0;  // the last request that came before it began
  Report report_;
};

}  // namespace patronus::backup
