// Keeps the dashboard's database on a thread of its own: takes the pieces of its transactions, looks at its
// health, and when it is damaged sets it aside and opens another one, which the core then fills. Nothing that
// happens to it ends the process.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "core/base/time.h"
#include "core/effect.h"
#include "core/event.h"
#include "io/storage/database.h"
#include "io/storage/database_files.h"

namespace patronus {

struct DatabaseFigures {
  uint64_t bytes = 0;         // of the file
  uint64_t transactions = 0;  // since this process began
  uint64_t rebuilt = 0;       // how often it was set aside
};

class DatabaseWriter {
 public:
  struct Options {
    std::string path;
    std::string node_id;
    Duration check_interval{};                // of the whole check
    Duration retry = limits::kDatabaseRetry;  // of one that is full or can't be opened
  };
  // A damaged database has been set aside; in words for the log.
  struct SetAside {
    std::string text;
  };
  using Answer = std::variant<Projected, DatabaseReport, SetAside>;

  // `notify` is called on the writer's thread when an answer is there to be taken; it must not block.
  DatabaseWriter(Options options, DatabaseLock&& lock, std::function<void()> notify);
  // A transaction that is not whole yet is given up.
  ~DatabaseWriter();
  DatabaseWriter(const DatabaseWriter&) = delete;
  DatabaseWriter& operator=(const DatabaseWriter&) = delete;

  // One for an opening that is over is passed over.
  void submit(Project&& piece);
  [[nodiscard]] std::optional<Answer> take_answer();
  [[nodiscard]] DatabaseFigures figures() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void open();
  void take(Project&& piece);
  [[nodiscard]] std::optional<DatabaseError> write(const Project& piece);
  void check();
  // Closes it, and sets it aside if it is damaged.
  void give_up(DatabaseError&& error);
  void answer(Answer&& one);

  const Options options_;
  const DatabaseLock lock_;
  const std::function<void()> notify_;

  mutable std::mutex mutex_;
  std::condition_variable wakeup_;
  std::optional<Project> submitted_;
  std::deque<Answer> answers_;  // at most one Projected, and of reports in a row only different ones
  DatabaseFigures figures_;
  std::atomic<bool> stopping_ = false;

  // Of the thread alone.
  std::optional<Database> database_;
  uint64_t opening_ = 0;
  Clock::time_point retry_at_;  // without a database
  Clock::time_point last_aside_;
  Duration
      pause_{};  // before the next one; a disk that damages whatever is on it shall not be filled with them
  Clock::time_point next_check_;
  Clock::time_point next_whole_check_;

  std::thread thread_;  // last, so that everything is there when it starts
};

}  // namespace patronus
