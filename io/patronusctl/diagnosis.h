// What is wrong with a cluster, in plain words, and what would mend it; from what its nodes say of themselves
// and of each other. Nothing is asked here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json/value.h"

namespace patronus::ctl {

// What one place where a node should answer has said.
struct Examined {
  std::string place;       // its endpoint
  std::string node;        // its id, if it answered
  std::string error;       // why it did not
  picojson::value status;  // /api/v1/cluster/status
  picojson::value ready;   // /health/ready?verbose
  // Days until the first of its certificates ends; nothing if that is not known.
  std::optional<int64_t> certificate_days;
};

enum class Severity : uint8_t { kHint, kImpaired, kDown };

struct Finding {
  Severity severity = Severity::kHint;
  std::string what;
  std::string mend;  // what would do, a command where there is one
};

// The gravest first; nothing: all is well.
[[nodiscard]] std::vector<Finding> diagnose(const std::vector<Examined>& examined);

}  // namespace patronus::ctl
