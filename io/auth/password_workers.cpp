#include "io/auth/password_workers.h"

#include <string_view>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "io/auth/password.h"
#include "io/auth/secret.h"

namespace patronus::auth {
namespace {

PasswordDone execute(const PasswordJob& job) {
  PasswordDone done{job.id, PasswordOutcome::kFailed, {}};
  if (job.task == PasswordTask::kVerify) {
    done.outcome = verify_password(job.password, job.stored);
  } else if (std::optional<std::string> hash = hash_password(job.password)) {
    done.outcome = PasswordOutcome::kDone;
    done.hash = *std::move(hash);
  }
  return done;
}

// Copies and wipes, because moving would leave a short password behind in places that nobody wipes. A
// password too long to be anybody's is not kept whole: what remains is still too long to match. Likewise a
// stored form.
void take(PasswordJob& from, PasswordJob& into) {
  into.id = from.id;
  into.task = from.task;
  into.password = std::string_view(from.password).substr(0, limits::kPasswordBytesMax + 1);
  into.stored = std::string_view(from.stored).substr(0, limits::kPasswordHashBytesMax + 1);
  wipe(from.password);
}

}  // namespace

PasswordWorkers::PasswordWorkers(size_t threads, std::function<void()> notify) : notify_(std::move(notify)) {
  PATRONUS_ASSERT(threads >= 1 && threads <= limits::kPasswordWorkersMax, "a bounded number of workers");
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordWorkers::~PasswordWorkers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (PasswordJob& job : queue_) wipe(job.password);
    queue_.clear();
  }
  wakeup_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool PasswordWorkers::submit(PasswordJob&& job) {
  {
    const std::lock_guard lock(mutex_);
    if (held_ >= limits::kPasswordJobsMax) {
      wipe(job.password);
      return false;
    }
    ++held_;
    take(job, queue_.emplace_back());
  }
  wakeup_.notify_one();
  return true;
}

std::optional<PasswordDone> PasswordWorkers::take_done() {
  const std::lock_guard lock(mutex_);
  if (done_.empty()) return std::nullopt;
  --held_;
  PasswordDone done = std::move(done_.front());
  done_.pop_front();
  return done;
}

void PasswordWorkers::run() {
  while (true) {
    PasswordJob job;
    {
      std::unique_lock lock(mutex_);
      wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      take(queue_.front(), job);
      queue_.pop_front();
    }
    PasswordDone done = execute(job);
    wipe(job.password);
    {
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(done));
    }
    notify_();
  }
}

}  // namespace patronus::auth
