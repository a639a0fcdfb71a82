#include "io/api/problem.h"

#include "io/json/writer.h"

namespace patronus::api {

http::Response problem_response(const Problem& problem, const Origin& origin) {
  http::Response response;
  response.status = problem.status;
  response.headers.push_back({"Content-Type", "application/problem+json"});
  if (problem.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  if (problem.status == 429 || (problem.status == 503 && problem.retryable)) {
    response.headers.push_back({"Retry-After", std::to_string(problem.retry_after_seconds)});
  }
  json::Writer out(response.body);
  out.begin_object()
      .field("type", "about:blank")
      .field("title", http::reason_phrase(problem.status))
      .field("status", problem.status)
      .field("code", problem.code)
      .field("detail", problem.detail)
      .field("request_id", origin.request_id)
      .field("retryable", problem.retryable)
      .field("maybe_applied", problem.maybe_applied);
  out.key("leader");
  if (origin.leader.empty()) {
    out.null();
  } else {
    out.value(origin.leader);
  }
  out.begin_array("errors");
  for (const json::FieldError& error : problem.errors) {
    out.begin_object().field("field", error.field).field("reason", error.reason).end();
  }
  out.finish();
  return response;
}

}  // namespace patronus::api
