#include "io/patronusctl/password_prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "core/base/limits.h"

namespace patronus::ctl {
namespace {

// The terminal of the process, whatever standard input is; without echo while it lives.
class QuietTerminal {
 public:
  QuietTerminal() : fd_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0 || tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_quiet_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (is_quiet_) (void)tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) close(fd_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  bool is_quiet() const { return is_quiet_; }
  void say(const std::string& text) const {
    if (write(fd_, text.data(), text.size()) < 0)
      return;  // the question is for people; nothing depends on it
  }
  std::string line() const {
    std::string text;
    char c = 0;
    while (text.size() <= limits::kPasswordBytesMax && read(fd_, &c, 1) == 1 && c != '\n') text += c;
    return text;
  }

 private:
  int fd_;
  termios before_{};
  bool is_quiet_ = false;
};

}  // namespace

std::variant<Typed, std::string> read_password(const std::string& prompt) {
  if (const char* given = std::getenv("PATRONUS_PASSWORD"); given != nullptr && *given != '\0')
    return Typed{given};
  const QuietTerminal terminal;
  if (!terminal.is_quiet())
    return std::string("there is no terminal to type a password at; set PATRONUS_PASSWORD");
  terminal.say(prompt + ": ");
  std::string password = terminal.line();
  terminal.say("\n");
  if (password.empty()) return std::string("no password was typed");
  return Typed{std::move(password)};
}

}  // namespace patronus::ctl
