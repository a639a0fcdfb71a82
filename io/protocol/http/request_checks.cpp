#include "io/protocol/http/request_checks.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "io/protocol/http/syntax.h"

namespace patronus::http {
namespace {

struct Seen {
  size_t hosts = 0;
  size_t content_lengths = 0;
  size_t transfer_encodings = 0;
  bool close = false;
  bool keep_alive = false;
};

Refusal unknown_coding() {
  return {501, "transfer_coding_not_implemented", "the only transfer coding served is a single chunked"};
}

std::optional<Refusal> check_host(const std::string& value, Seen& seen) {
  if (++seen.hosts > 1) return bad_request("more than one Host header");
  if (!is_host(value)) return bad_request("the Host header is not a host with an optional port");
  return std::nullopt;
}

std::optional<Refusal> check_length(const std::string& value, const Limits& limits, Seen& seen,
                                    Framing& framing) {
  if (++seen.content_lengths > 1) return bad_request("more than one Content-Length header");
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) {
    return bad_request("Content-Length is not a number");
  }
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), framing.content_length);
  if (ec != std::errc() || end != value.data() + value.size())
    return bad_request("Content-Length is too large");
  if (framing.content_length > limits.body_bytes_max) {
    return Refusal{413, "body_too_large",
                   "the body is larger than " + std::to_string(limits.body_bytes_max) + " bytes"};
  }
  return std::nullopt;
}

void read_connection(std::string_view value, Seen& seen) {
  while (true) {
    const size_t comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    seen.close = seen.close || equals_ignoring_case(option, "close");
    seen.keep_alive = seen.keep_alive || equals_ignoring_case(option, "keep-alive");
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

std::optional<Refusal> check_header(const Header& header, bool is_http10, const Limits& limits, Seen& seen,
                                    Framing& framing) {
  const auto& [name, value] = header;
  if (name == "host") return check_host(value, seen);
  if (name == "content-length") return check_length(value, limits, seen, framing);
  if (name == "transfer-encoding") {
    if (is_http10) return bad_request("Transfer-Encoding in an HTTP/1.0 request");
    if (++seen.transfer_encodings > 1 || !equals_ignoring_case(value, "chunked")) return unknown_coding();
    framing.is_chunked = true;
  } else if (name == "connection") {
    read_connection(value, seen);
  } else if (name == "expect") {
    if (!equals_ignoring_case(value, "100-continue")) {
      return Refusal{417, "expectation_failed", "the only expectation that can be met is 100-continue"};
    }
    // An HTTP/1.0 client can't have meant it: it wouldn't understand an interim response.
    framing.expects_continue = !is_http10;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_headers(const Request& request, bool is_http10, const Limits& limits,
                                     Framing& framing) {
  framing = {};
  Seen seen;
  for (const Header& header : request.headers) {
    if (auto refusal = check_header(header, is_http10, limits, seen, framing)) return refusal;
  }
  if (seen.hosts == 0 && !is_http10) return bad_request("the Host header is missing");
  if (seen.content_lengths > 0 && seen.transfer_encodings > 0) {
    return bad_request("both Content-Length and Transfer-Encoding");
  }
  framing.keep_alive = !seen.close && (!is_http10 || seen.keep_alive);
  return std::nullopt;
}

}  // namespace patronus::http
