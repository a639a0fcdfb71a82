// Hashes passwords on threads of their own, so that the loop never waits for one. What they hold is bounded,
// and wiped once it isn't needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "io/auth/password_job.h"

namespace patronus::auth {

class PasswordWorkers {
 public:
  // `notify` is called on a worker's thread whenever a result is there to be taken; it must not block.
  // Several results may have come by the time the taker looks. `threads` is at least 1, at most
  // limits::kPasswordWorkersMax; each has 19 MiB while it works.
  PasswordWorkers(size_t threads, std::function<void()> notify);
  // Finishes what is under way; jobs that had not begun are dropped. No call of `notify` comes after it.
  ~PasswordWorkers();
  PasswordWorkers(const PasswordWorkers&) = delete;
  PasswordWorkers& operator=(const PasswordWorkers&) = delete;

  // False when limits::kPasswordJobsMax jobs are queued, under way, or done and not taken. The job's password
  // is wiped from where it was in either case.
  [[nodiscard]] bool submit(PasswordJob&& job);

  // One result, in the order in which they came; nothing when there is none.
  [[nodiscard]] std::optional<PasswordDone> take_done();

 private:
  void run();

  const std::function<void()> notify_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::deque<PasswordJob> queue_;
  std::deque<PasswordDone> done_;
  size_t held_ = 0;  // jobs accepted whose result has not been taken
  bool stopping_ = false;

  std::vector<std::thread> threads_;  // last, so that everything is there when they start
};

}  // namespace patronus::auth
