// A password from PATRONUS_PASSWORD, or typed at the terminal without being shown.
#pragma once

#include <string>
#include <variant>

namespace patronus::ctl {

struct Typed {
  std::string password;
};
// `prompt` is shown at the terminal. Without one, and without the variable, says what would do.
[[nodiscard]] std::variant<Typed, std::string> read_password(const std::string& prompt);

}  // namespace patronus::ctl
