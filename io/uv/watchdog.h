// Ends the process when its loop stops turning: a node that hangs must not look alive. The loop says that it
// turns; a thread of its own checks that it did. It counts its own wake-ups rather than reading a clock, so a
// process that was stopped and continued is not taken for one that hangs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "core/base/time.h"

namespace patronus::uv {

class Watchdog {
 public:
  // `bark` is called on the watchdog's thread when the loop has been silent for the timeout; it does not
  // return in production.
  Watchdog(Duration timeout, std::function<void()> bark);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // The loop turns.
  // Nobody has to turn any more.
  void rest() { resting_.store(true, std::memory_order_relaxed); }
  void pat() { pats_.fetch_add(1, std::memory_order_relaxed); }

 private:
  static constexpr int kChecks = 10;

  void watch();

  const Duration timeout_;
  const std::function<void()> bark_;
  std::atomic<uint64_t> pats_{0};
  std::atomic<bool> resting_{false};
  std::mutex mutex_;
  std::condition_variable wakeup_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace patronus::uv
