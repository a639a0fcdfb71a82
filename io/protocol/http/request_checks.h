// What the headers say about the message itself: its body, its connection, its host.
#pragma once

#include <cstdint>
#include <optional>

#include "io/protocol/http/limits.h"
#include "io/protocol/http/refusal.h"

namespace patronus::http {

struct Framing {
  bool is_chunked = false;
  uint64_t content_length = 0;
  bool expects_continue = false;
  bool keep_alive = true;

  [[nodiscard]] bool has_body() const { return is_chunked || content_length > 0; }
};

// Judges the headers that decide where a request ends and to whom it goes (RFC 9112 sections 3.2, 6 and 9.3,
// RFC 9110 section 10.1.1), and fills `framing`, or says why the request is refused. Whatever two readers
// could take in two ways is refused, since that is how requests are smuggled.
[[nodiscard]] std::optional<Refusal> check_headers(const Request& request, bool is_http10,
                                                   const Limits& limits, Framing& framing);

}  // namespace patronus::http
