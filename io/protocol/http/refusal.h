// What the connection itself answers when it won't pass a request on.
#pragma once

#include <string>
#include <string_view>

#include "io/protocol/http/message.h"

namespace patronus::http {

struct Refusal {
  int status = 400;
  std::string_view code;  // for programs; static storage
  std::string detail;     // for people: names what is wrong
};

[[nodiscard]] Refusal bad_request(std::string detail);
[[nodiscard]] Refusal bad_target(std::string detail);

// The refusal as application/problem+json (RFC 9457) that ends the connection.
[[nodiscard]] Response problem_response(const Refusal& refusal);

}  // namespace patronus::http
