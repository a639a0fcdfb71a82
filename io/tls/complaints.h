// Which complaints about strangers are worth a line: a scanner that knocks a thousand times a second must not
// fill the log, and the first knock must not be lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/time.h"

namespace patronus::tls {

class Complaints {
 public:
  // The line to be logged, or nothing if it is held back: the same text is logged once a minute, all together
  // at a bounded rate. A line says how many were held back since the one before.
  [[nodiscard]] std::optional<std::string> admit(const std::string& text, Instant now);

 private:
  void forget_old(Instant now);

  std::map<std::string, Instant> said_;  // when each text was logged last
  size_t tokens_ = kBurst;
  Instant refilled_at_;
  uint64_t held_back_ = 0;

  static constexpr size_t kBurst = 20;
};

}  // namespace patronus::tls
