#include "io/protocol/http/head_scanner.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "io/protocol/http/syntax.h"

namespace patronus::http {
namespace {

// Room in the request line for method, version, spaces and line end besides the target.
constexpr size_t kRequestLineRest = 64;
constexpr size_t kMethodBytesMax = 32;

}  // namespace

void HeadScanner::reset() {
  line_begin_ = scanned_ = line_count_ = header_bytes_ = method_size_ = target_size_ = 0;
  is_http10_ = is_head_method_ = false;
  refusal_ = {};
}

HeadScanner::Result HeadScanner::scan(std::string_view data) {
  // Whoever speaks something else, TLS for example, should hear of it at once rather than after a timeout.
  if (line_count_ == 0 && !data.empty() && !is_token_char(data.front())) {
    refuse(bad_request("the request does not begin with a method"));
    return Result::kRefused;
  }
  while (true) {
    const size_t newline = data.find('\n', scanned_);
    if (newline == std::string_view::npos) {
      scanned_ = data.size();
      return check_size(data.size() - line_begin_) ? Result::kMore : Result::kRefused;
    }
    if (!check_size(newline + 1 - line_begin_)) return Result::kRefused;
    const std::string_view line = data.substr(line_begin_, newline - line_begin_);
    if (line_count_ > 0) header_bytes_ += line.size() + 1;
    line_begin_ = scanned_ = newline + 1;
    if (line_count_ > 0 && line == "\r") return Result::kDone;
    if (!check_line(line)) return Result::kRefused;
    ++line_count_;
  }
}

// Judges the size of a line, whole or not, so that both are refused at the same byte.
bool HeadScanner::check_size(size_t line_bytes) {
  if (line_count_ == 0) {
    if (line_bytes <= limits_.target_bytes_max + kRequestLineRest) return true;
    return refuse({414, "target_too_long", "the request line is longer than is allowed"});
  }
  if (header_bytes_ + line_bytes <= limits_.header_bytes_max) return true;
  return refuse({431, "headers_too_large",
                 "the headers are larger than " + std::to_string(limits_.header_bytes_max) + " bytes"});
}

bool HeadScanner::check_line(std::string_view line) {
  if (!line.ends_with('\r')) return refuse(bad_request("a line of the head does not end in CR LF"));
  line.remove_suffix(1);
  if (line.find('\r') != std::string_view::npos) return refuse(bad_request("a CR without LF in the head"));
  if (line_count_ == 0) return check_request_line(line);
  if (line_count_ > limits_.header_count_max) {
    return refuse({431, "headers_too_large",
                   "there are more than " + std::to_string(limits_.header_count_max) + " headers"});
  }
  std::optional<Refusal> refusal = check_field_line(line, line_count_ == 1);
  return !refusal || refuse(*std::move(refusal));
}

// RFC 9112 section 3: three parts, one space between them.
bool HeadScanner::check_request_line(std::string_view line) {
  method_size_ = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, method_size_);
  is_head_method_ = method == "HEAD";
  if (!std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return refuse(bad_request("a control or non-ASCII character in the request line"));
  }
  if (!is_token(method)) return refuse(bad_request("an invalid character in the method"));
  if (method_size_ == line.size()) return refuse(bad_request("the request line has no target"));
  const std::string_view rest = line.substr(method_size_ + 1);
  target_size_ = std::min(rest.find(' '), rest.size());
  if (target_size_ == 0) return refuse(bad_request("the request line has no target, or a space too many"));
  if (target_size_ > limits_.target_bytes_max) {
    return refuse(
        {414, "target_too_long",
         "the request target is longer than " + std::to_string(limits_.target_bytes_max) + " bytes"});
  }
  if (target_size_ == rest.size()) {
    return refuse({505, "version_not_supported", "the request line has no HTTP version"});
  }
  if (!check_version(rest.substr(target_size_ + 1))) return false;
  // CONNECT would make this a proxy, and TRACE would show scripts the headers they must not see.
  if (method == "CONNECT" || method == "TRACE" || method.size() > kMethodBytesMax) {
    return refuse({501, "method_not_implemented", "the method is not implemented"});
  }
  return true;
}

bool HeadScanner::check_version(std::string_view version) {
  if (version == "HTTP/1.1") return true;
  if (version == "HTTP/1.0") {
    is_http10_ = true;
    return true;
  }
  const bool is_version = version.starts_with("HTTP/") && version.size() >= 6 && version.size() <= 8 &&
                          is_digit(version[5]) && (version.size() == 6 || version[6] == '.') &&
                          (version.size() == 6 || (version.size() == 8 && is_digit(version[7])));
  if (!is_version) return refuse(bad_request("the HTTP version in the request line is malformed"));
  return refuse({505, "version_not_supported", "only HTTP/1.1 and HTTP/1.0 are served here"});
}

bool HeadScanner::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  return false;
}

}  // namespace patronus::http
