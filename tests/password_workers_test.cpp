// The pool that hashes passwords: every job has its result, no more are held than may be, and it ends at any
// time.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/limits.h"
#include "io/auth/password.h"
#include "io/auth/password_workers.h"

namespace patronus::auth::password_workers_test {
namespace {

using namespace std::chrono_literals;

// Only a hang is this slow.
constexpr auto kPatience = 120s;

// Cheap to verify, for the password "password".
constexpr const char* kStored =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

// What the loop is in production: woken by the workers' threads, it takes what is there.
class Waker {
 public:
  void notify() {
    const std::lock_guard lock(mutex_);
    ++notified_;
    wakeup_.notify_all();
  }
  PasswordDone wait(PasswordWorkers& workers) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (auto done = workers.take_done()) return *std::move(done);
      const int seen = notified_;
      if (!wakeup_.wait_for(lock, kPatience, [&] { return notified_ > seen; })) {
        ADD_FAILURE() << "the workers hang";
        return {};
      }
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wakeup_;
  int notified_ = 0;
};

PasswordJob verify_job(uint64_t id, std::string password) {
  return {id, PasswordTask::kVerify, std::move(password), kStored};
}

TEST(PasswordWorkers, HashAndVerify) {
  Waker waker;
  PasswordWorkers workers(1, [&] { waker.notify(); });
  ASSERT_TRUE(workers.submit({1, PasswordTask::kHash, "correct horse battery", {}}));
  const PasswordDone hashed = waker.wait(workers);
  EXPECT_EQ(hashed.id, 1U);
  EXPECT_EQ(hashed.outcome, PasswordOutcome::kDone);
  EXPECT_EQ(verify_password("correct horse battery", hashed.hash), PasswordOutcome::kDone);

  ASSERT_TRUE(workers.submit({2, PasswordTask::kVerify, "correct horse battery", hashed.hash}));
  const PasswordDone right = waker.wait(workers);
  EXPECT_EQ(right.id, 2U);
  EXPECT_EQ(right.outcome, PasswordOutcome::kDone);
  EXPECT_EQ(right.hash, "");

  ASSERT_TRUE(workers.submit({3, PasswordTask::kVerify, "correct horse batterie", hashed.hash}));
  EXPECT_EQ(waker.wait(workers).outcome, PasswordOutcome::kDiffers);
  EXPECT_EQ(workers.take_done(), std::nullopt);
}

TEST(PasswordWorkers, GiveEveryJobItsOwnResult) {
  Waker waker;
  PasswordWorkers workers(2, [&] { waker.notify(); });
  std::map<uint64_t, PasswordOutcome> expected;
  std::map<uint64_t, PasswordOutcome> seen;
  for (uint64_t id = 1; id <= 300; ++id) {
    const bool right = id % 3 == 0;
    expected[id] = right ? PasswordOutcome::kDone : PasswordOutcome::kDiffers;
    while (!workers.submit(verify_job(id, right ? "password" : "passw0rd"))) {
      const PasswordDone done = waker.wait(workers);
      ASSERT_TRUE(seen.emplace(done.id, done.outcome).second);
    }
  }
  while (seen.size() < expected.size()) {
    const PasswordDone done = waker.wait(workers);
    ASSERT_TRUE(seen.emplace(done.id, done.outcome).second);
  }
  EXPECT_EQ(seen, expected);
}

// Results that nobody takes count too, or they would gather without bound.
TEST(PasswordWorkers, HoldNoMoreThanTheyMay) {
  Waker waker;
  PasswordWorkers workers(2, [&] { waker.notify(); });
  for (uint64_t id = 0; id < limits::kPasswordJobsMax; ++id) {
    ASSERT_TRUE(workers.submit(verify_job(id, "password")));
  }
  PasswordJob refused = verify_job(1000, "password of somebody");
  EXPECT_FALSE(workers.submit(std::move(refused)));
  static_cast<void>(waker.wait(workers));
  EXPECT_TRUE(workers.submit(verify_job(1001, "password")));
  EXPECT_FALSE(workers.submit(verify_job(1002, "password")));
}

// All that the string's buffer holds. Growing the string to look would overwrite it.
std::string buffer_of(const std::string& text) {
  const char* const begin = text.data();
  return std::string(begin, begin + text.capacity());
}

TEST(PasswordWorkers, LeaveNoPasswordWithWhoAsked) {
  Waker waker;
  PasswordWorkers workers(1, [&] { waker.notify(); });
  for (const size_t length : {8U, 100U}) {
    PasswordJob job = verify_job(1, std::string(length, 's'));
    ASSERT_TRUE(workers.submit(std::move(job)));
    // NOLINTNEXTLINE(bugprone-use-after-move): the contract says what is left.
    const std::string& left = job.password;
    EXPECT_EQ(left, "");
    EXPECT_EQ(buffer_of(left).find('s'), std::string::npos);
    static_cast<void>(waker.wait(workers));
  }
}

TEST(PasswordWorkers, RefuseWhatIsTooLong) {
  Waker waker;
  PasswordWorkers workers(1, [&] { waker.notify(); });
  ASSERT_TRUE(workers.submit({1, PasswordTask::kHash, std::string(1'000'000, 'p'), {}}));
  EXPECT_EQ(waker.wait(workers).outcome, PasswordOutcome::kFailed);
  ASSERT_TRUE(workers.submit({2, PasswordTask::kVerify, "password", std::string(1'000'000, '$')}));
  EXPECT_EQ(waker.wait(workers).outcome, PasswordOutcome::kDiffers);
}

TEST(PasswordWorkers, EndWithJobsInEveryState) {
  for (const uint64_t jobs : {0U, 1U, 2U, 40U}) {
    std::atomic<bool> ended = false;
    std::atomic<bool> notified_late = false;
    {
      PasswordWorkers workers(2, [&] { notified_late = notified_late || ended; });
      for (uint64_t id = 0; id < jobs; ++id) ASSERT_TRUE(workers.submit(verify_job(id, "password")));
    }
    ended = true;
    EXPECT_FALSE(notified_late);
  }
}

}  // namespace
}  // namespace patronus::auth::password_workers_test
