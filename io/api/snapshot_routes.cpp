#include "io/api/snapshot_routes.h"

#include <charconv>

#include "core/base/limits.h"
#include "io/api/account_requests.h"
#include "io/api/state_answers.h"
#include "io/api/state_requests.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

void put(json::Writer& out, const SnapshotInfo& info) {
  out.begin_object().field("id", info.id).field("revision", info.index.value).field("bytes", info.bytes);
  out.field("made_ms", info.made.unix_ms).end();
}

// To a part of one that is brought here.
http::Response kept_response(const SnapshotAnswer& answer, const Origin& origin) {
  if (!answer.damage.empty()) {
    return problem_response({422,
                             "damaged_snapshot",
                             "the snapshot is not sound and was thrown away: " + answer.damage,
                             false,
                             false,
                             {}},
                            origin);
  }
  const std::string wanted = std::to_string(answer.wanted);
  if (answer.is_out_of_step) {
    http::Response response =
        problem_response({409,
                          "wrong_offset",
                          "the part that comes next begins at " + wanted,
                          true,
                          false,
                          {{"offset", "must be " + wanted, json::FieldFault::kInvalid}}},
                         origin);
    response.headers.push_back({"X-Patronus-Snapshot-Offset", wanted});
    return response;
  }
  std::string body;
  json::Writer out(body);
  if (answer.at_end && !answer.found.empty()) {
    put(out, answer.found.front());
    return private_json(201, std::move(body));
  }
  out.begin_object().field("offset", answer.wanted).finish();
  http::Response response = private_json(202, std::move(body));
  response.headers.push_back({"X-Patronus-Snapshot-Offset", wanted});
  return response;
}

}  // namespace

std::variant<MakeSnapshot, SnapshotQuery, Problem> understand_snapshots(Route route,
                                                                        const http::Request& request) {
  Problem problem;
  if (route == Route::kSnapshots) {
    if (!only_parameters(request, {}, problem)) return problem;
    if (is_read(request.method)) return SnapshotQuery{};
    if (auto body = no_body(request)) return *body;
    return MakeSnapshot{};
  }
  if (!only_parameters(request, {"offset"}, problem)) return problem;
  SnapshotQuery query;
  query.task = is_read(request.method) ? SnapshotTask::kPart : SnapshotTask::kKeep;
  query.id = request.segments[3];
  if (!is_read(request.method)) {
    if (!is_snapshot_id(query.id))
      return Problem{422, "bad_snapshot", "no snapshot has this name", false, false, {}};
    if (request.body.empty() || request.body.size() > limits::kSnapshotPartBytes) {
      return Problem{request.body.empty() ? 422 : 413,
                     request.body.empty() ? "empty_part" : "body_too_large",
                     "a part of a snapshot has 1 to " + std::to_string(limits::kSnapshotPartBytes) + " bytes",
                     false,
                     false,
                     {}};
    }
    query.bytes = request.body;
  }
  const std::string* offset = request.param("offset");
  if (offset == nullptr) return query;
  const auto [end, error] = std::from_chars(offset->data(), offset->data() + offset->size(), query.offset);
  if (offset->empty() || error != std::errc() || end != offset->data() + offset->size())
    return Problem{400, "bad_parameter", "offset is a number of bytes", false, false, {}};
  return query;
}

http::Response snapshot_response(Route route, http::Method method, SnapshotAnswer&& answer,
                                 const Origin& origin) {
  if (!answer.failure.empty())
    return problem_response({503, "snapshot_failed", std::move(answer.failure), true, false, {}}, origin);
  if (route == Route::kSnapshot && !is_read(method)) return kept_response(answer, origin);
  if (route == Route::kSnapshot) {
    if (answer.found.empty()) {
      return problem_response({404,
                               "no_such_snapshot",
                               "this node keeps no such snapshot, or none of that size",
                               false,
                               false,
                               {}},
                              origin);
    }
    http::Response response;
    response.headers.push_back({"Content-Type", "application/octet-stream"});
    response.headers.push_back({"Cache-Control", "no-store"});
    response.headers.push_back({"X-Patronus-Snapshot-Bytes", std::to_string(answer.found.front().bytes)});
    response.body = std::move(answer.bytes);
    return response;
  }
  std::string body;
  json::Writer out(body);
  if (!is_read(method)) {
    put(out, answer.found.front());
    return private_json(201, std::move(body));
  }
  out.begin_object().begin_array("items");
  for (const SnapshotInfo& info : answer.found) put(out, info);
  out.finish();
  return private_json(200, std::move(body));
}

}  // namespace patronus::api
