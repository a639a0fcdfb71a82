#include "io/protocol/http/head_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <string>

#include "io/protocol/http/syntax.h"

static_assert(LLHTTP_STRICT_MODE == 1, "llhttp and its users must be compiled in strict mode");

namespace patronus::http {
namespace {

struct Reading {
  Request& request;
  bool is_name_whole = true;
  bool is_complete = false;
};

Reading& reading_of(llhttp_t* parser) { return *static_cast<Reading*>(parser->data); }

int on_url(llhttp_t* parser, const char* at, size_t size) {
  reading_of(parser).request.target.append(at, size);
  return 0;
}

// llhttp may hand out a name or a value in pieces.
int on_header_field(llhttp_t* parser, const char* at, size_t size) {
  Reading& reading = reading_of(parser);
  if (reading.is_name_whole) {
    reading.request.headers.emplace_back();
    reading.is_name_whole = false;
  }
  std::string& name = reading.request.headers.back().name;
  const size_t before = name.size();
  name.append(at, size);
  std::transform(name.begin() + static_cast<std::ptrdiff_t>(before), name.end(),
                 name.begin() + static_cast<std::ptrdiff_t>(before), to_lower);
  return 0;
}

int on_header_field_complete(llhttp_t* parser) {
  reading_of(parser).is_name_whole = true;
  return 0;
}

int on_header_value(llhttp_t* parser, const char* at, size_t size) {
  reading_of(parser).request.headers.back().value.append(at, size);
  return 0;
}

int on_header_value_complete(llhttp_t* parser) {
  std::string& value = reading_of(parser).request.headers.back().value;
  const size_t last = value.find_last_not_of(" \t");
  value.erase(last == std::string::npos ? 0 : last + 1);
  return 0;
}

int on_headers_complete(llhttp_t* parser) {
  reading_of(parser).is_complete = true;
  return 0;
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = on_url;
  settings.on_header_field = on_header_field;
  settings.on_header_field_complete = on_header_field_complete;
  settings.on_header_value = on_header_value;
  settings.on_header_value_complete = on_header_value_complete;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}

Refusal refusal_of(const llhttp_t& parser) {
  switch (static_cast<llhttp_errno_t>(parser.error)) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_CONSTANT:
      return {501, "method_not_implemented", "the method is not implemented"};
    case HPE_INVALID_TRANSFER_ENCODING:
      return {501, "transfer_coding_not_implemented", "the only transfer coding served is a single chunked"};
    case HPE_INVALID_CONTENT_LENGTH:
      return bad_request("Content-Length is not a number");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return bad_request("Content-Length twice, or together with Transfer-Encoding");
    default:
      return bad_request(std::string("the head is malformed: ") +
                         (parser.reason != nullptr ? parser.reason : "unknown reason"));
  }
}

}  // namespace

std::optional<Refusal> parse_head(std::string_view head, Request& request) {
  static const llhttp_settings_t kSettings = make_settings();
  Reading reading{request};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  parser.data = &reading;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  // On an offer to upgrade llhttp stops after the head. The offer isn't taken, so that is as good as the end.
  if (error != HPE_OK && error != HPE_PAUSED_UPGRADE) return refusal_of(parser);
  if (!reading.is_complete) return bad_request("the head is malformed");
  return std::nullopt;
}

}  // namespace patronus::http
