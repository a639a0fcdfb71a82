// Something that must not happen did.
#pragma once

#include <stdexcept>
#include <string>

namespace patronus::sim {

// Thrown by checkers and broken assertions; ends the run.
struct Violation : std::runtime_error {
  Violation(std::string which, const std::string& detail)
      : std::runtime_error(which + ": " + detail), checker(std::move(which)) {}
  std::string checker;
};

}  // namespace patronus::sim
