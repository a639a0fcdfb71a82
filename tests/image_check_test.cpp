// The process that looks at an image before the node does ends with the node, and keeps nothing of its.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <variant>

#include "core/base/limits.h"
#include "io/storage/image.h"
#include "io/storage/load_state.h"
#include "io/storage/log_directory.h"

namespace patronus::image_check_test {
namespace {

constexpr size_t kMapBytes = 64 * limits::kMiB;
constexpr timespec kPatience{30, 0};

class ImageCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "patronus-check-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(std::holds_alternative<Image>(Image::open(image_path(path_), kMapBytes)));
  }
  void TearDown() override {
    if (held_ >= 0) ::close(held_);
    std::filesystem::remove_all(path_);
  }

  // Whoever opens the image from now on waits, and this process is told by a signal. False: not on this file
  // system.
  bool hold_image() {
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGIO);
    ::sigprocmask(SIG_BLOCK, &told, nullptr);
    held_ = ::open(image_path(path_).c_str(), O_RDWR | O_CLOEXEC);
    return held_ >= 0 && ::fcntl(held_, F_SETLEASE, F_WRLCK) == 0;
  }
  static bool somebody_opens_it() {
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGIO);
    return ::sigtimedwait(&told, nullptr, &kPatience) == SIGIO;
  }

  std::string path_;
  int held_ = -1;
};

// A supervisor starts a node that was killed at once, also while its image was being looked at.
TEST_F(ImageCheck, KeepsNoLockOfANodeThatWasKilled) {
  if (!hold_image()) GTEST_SKIP() << "no leases on this file system: " << std::strerror(errno);
  const pid_t node = ::fork();
  if (node == 0) {
    ::close(held_);
    const auto locked = lock_directory(path_);
    if (!std::holds_alternative<LogDirectory>(locked)) ::_exit(1);
    (void)check_readable(image_path(path_), kMapBytes);
    ::_exit(2);
  }
  ASSERT_TRUE(somebody_opens_it());
  ASSERT_TRUE(std::holds_alternative<std::string>(lock_directory(path_))) << "it is the node's";
  ASSERT_EQ(::kill(node, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(node, &status, 0), node);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  const auto again = lock_directory(path_);
  EXPECT_TRUE(std::holds_alternative<LogDirectory>(again)) << std::get<std::string>(again);
}

}  // namespace
}  // namespace patronus::image_check_test
