#include "io/backup/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/base/limits.h"

namespace patronus::backup {
namespace {

using namespace std::chrono_literals;

constexpr int kCannotRun = 127;

// In the child; returns only if the program can't be run.
void become(const std::vector<char*>& arguments, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
}

}  // namespace

std::variant<Child, std::string> Child::start(const Command& command, Output output) {
  std::array<int, 2> ends{-1, -1};
  if (output == Output::kKept && ::pipe2(ends.data(), O_CLOEXEC) != 0)
    return "can't make a pipe: " + std::string(std::strerror(errno));
  // All that needs memory is done before the fork.
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::getppid() == parent) become(arguments, output == Output::kKept ? ends[1] : STDERR_FILENO);
    ::_exit(kCannotRun);
  }
  if (ends[1] >= 0) ::close(ends[1]);
  if (pid < 0) {
    const std::string why = std::strerror(errno);
    if (ends[0] >= 0) ::close(ends[0]);
    return "can't start " + command.front() + ": " + why;
  }
  if (ends[0] >= 0) ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  Child child;
  child.pid_ = pid;
  child.pipe_ = ends[0];
  return child;
}

Child& Child::operator=(Child&& other) noexcept {
  end();
  pid_ = std::exchange(other.pid_, -1);
  pipe_ = std::exchange(other.pipe_, -1);
  output_ = std::move(other.output_);
  code_ = other.code_;
  return *this;
}

void Child::read_pipe() {
  std::array<char, 4096> bytes{};
  while (pipe_ >= 0) {
    const ssize_t n = ::read(pipe_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    output_.append(bytes.data(), static_cast<size_t>(n));
    if (output_.size() > 2 * limits::kBackupOutputBytesMax)
      output_.erase(0, output_.size() - limits::kBackupOutputBytesMax);
  }
}

std::optional<int> Child::poll() {
  if (code_ || pid_ < 0) return code_;
  read_pipe();
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  read_pipe();
  code_ = ended < 0 ? kCannotRun : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return code_;
}

void Child::end(std::chrono::milliseconds patience) {
  if (pid_ >= 0 && !poll()) {
    ::kill(pid_, SIGTERM);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!poll()) {
      if (std::chrono::steady_clock::now() >= until) ::kill(pid_, SIGKILL);
      std::this_thread::sleep_for(5ms);
    }
  }
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
  pid_ = -1;
}

std::variant<Ended, std::string> run_child(const Command& command, std::chrono::nanoseconds patience,
                                           const std::function<void()>& meanwhile) {
  std::variant<Child, std::string> started = Child::start(command, Child::Output::kKept);
  if (auto* failed = std::get_if<std::string>(&started)) return std::move(*failed);
  auto& child = std::get<Child>(started);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    if (const std::optional<int> code = child.poll()) {
      if (*code == kCannotRun) return "can't run " + command.front() + ": there is no such program";
      return Ended{*code, child.output()};
    }
    if (std::chrono::steady_clock::now() >= until) return command.front() + " did not end in time";
    if (meanwhile) meanwhile();
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace patronus::backup
