#include "io/protocol/http/refusal.h"

#include <utility>

#include "io/json/writer.h"

namespace patronus::http {

Refusal bad_request(std::string detail) { return {400, "bad_request", std::move(detail)}; }

Refusal bad_target(std::string detail) { return {400, "bad_target", std::move(detail)}; }

Response problem_response(const Refusal& refusal) {
  Response answer;
  answer.status = refusal.status;
  answer.close = true;
  answer.headers.push_back({"Content-Type", "application/problem+json"});
  json::Writer out(answer.body);
  out.begin_object()
      .field("type", "about:blank")
      .field("title", reason_phrase(refusal.status))
      .field("status", refusal.status)
      .field("code", refusal.code)
      .field("detail", refusal.detail)
      .end();
  return answer;
}

}  // namespace patronus::http
