#include "io/uv/watchdog.h"

namespace patronus::uv {

Watchdog::Watchdog(Duration timeout, std::function<void()> bark)
    : timeout_(timeout), bark_(std::move(bark)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void Watchdog::watch() {
  uint64_t last = pats_.load(std::memory_order_relaxed);
  int silent_checks = 0;
  std::unique_lock lock(mutex_);
  while (!wakeup_.wait_for(lock, timeout_ / kChecks, [this] { return stopping_; })) {
    const uint64_t now = pats_.load(std::memory_order_relaxed);
    const bool is_silent = now == last && !resting_.load(std::memory_order_relaxed);
    silent_checks = is_silent ? silent_checks + 1 : 0;
    last = now;
    if (silent_checks >= kChecks) {
      bark_();
      return;
    }
  }
}

}  // namespace patronus::uv
