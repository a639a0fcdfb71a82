// Programs that run beside this one: Litestream, and parts of patronusctl that are better off in a process of
// their own. For programs with one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace patronus::backup {

using Command = std::vector<std::string>;  // the program, looked up in PATH, and its arguments

class Child {
 public:
  enum class Output {
    kShared,  // goes where this program's standard error goes
    kKept,    // is kept, the last kBackupOutputBytesMax bytes of it
  };
  // It ends with this process. The error is one line.
  [[nodiscard]] static std::variant<Child, std::string> start(const Command& command, Output output);

  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        pipe_(std::exchange(other.pipe_, -1)),
        output_(std::move(other.output_)),
        code_(other.code_) {}
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  // Reads what it has said; its exit code once it has ended (128 and the signal's number if one ended it).
  [[nodiscard]] std::optional<int> poll();
  // SIGTERM, and SIGKILL if it has not ended after that long. Returns when it has.
  void end(std::chrono::milliseconds patience = std::chrono::seconds(5));
  const std::string& output() const { return output_; }
  pid_t pid() const { return pid_; }

 private:
  Child() = default;
  void read_pipe();

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
  std::optional<int> code_;
};

struct Ended {
  int code = 0;
  std::string output;
};
// Runs it to its end, calling `meanwhile` every few milliseconds. Without an end within `patience` it is
// ended: an error.
[[nodiscard]] std::variant<Ended, std::string> run_child(const Command& command,
                                                         std::chrono::nanoseconds patience,
                                                         const std::function<void()>& meanwhile = {});

}  // namespace patronus::backup
