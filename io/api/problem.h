// Errors as clients see them: application/problem+json (RFC 9457) with the members the API promises.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/json/fields.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

struct Problem {
  int status = 500;
  std::string_view code;   // for programs; static storage
  std::string detail;      // for people: what is wrong, and what would do
  bool retryable = false;  // the same request may succeed later
  bool maybe_applied = false;
  std::vector<json::FieldError> errors;
  int64_t retry_after_seconds = 1;  // of a 429, and of a 503 that may be retried
};

// What is asked for can't be with what is there; a program tells by the code, in static storage.
[[nodiscard]] inline Problem conflict(std::string_view code, std::string detail) {
  return {409, code, std::move(detail), false, false, {}};
}

// What every answer says of where it came from.
struct Origin {
  std::string request_id;
  std::string leader;  // empty: none known
};

[[nodiscard]] http::Response problem_response(const Problem& problem, const Origin& origin);

}  // namespace patronus::api
