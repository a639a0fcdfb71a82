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
  query.id = request.segments[3];
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
