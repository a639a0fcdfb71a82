// A request's body as a JSON object, read with everything that is wrong with it.
#pragma once

#include <string>
#include <variant>

#include "io/api/problem.h"
#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// `read(json::Fields&, Body&)` gets the fields; a body larger than `bytes_max` is refused.
template <typename Body, typename Read>
[[nodiscard]] std::variant<Body, Problem> read_body(const http::Request& request, size_t bytes_max,
                                                    const Read& read) {
  const std::string* type = request.header("content-type");
  if (type == nullptr || !type->starts_with("application/json"))
    return Problem{415, "unsupported_media_type", "this is sent as application/json", false, false, {}};
  const std::variant<picojson::value, json::Error> parsed =
      json::parse(request.body, {.bytes_max = bytes_max, .depth_max = 4, .members_max = 64});
  if (const auto* error = std::get_if<json::Error>(&parsed)) {
    return Problem{
        400, "malformed_json", error->reason + " at byte " + std::to_string(error->offset), false, false, {}};
  }
  json::Fields in(std::get<picojson::value>(parsed));
  Body body;
  read(in, body);
  if (in.finish()) return body;
  const bool invalid = in.only_invalid();
  return Problem{invalid ? 422 : 400,
                 invalid ? "invalid_fields" : "bad_fields",
                 "the body has fields that won't do",
                 false,
                 false,
                 in.errors()};
}

}  // namespace patronus::api
