// Snapshots by HTTP: taken, listed, read and brought here; and one that is restored into the running cluster.
#include <utility>

#include "core/base/limits.h"
#include "io/api/snapshot_routes.h"
#include "io/api/state_answers.h"
#include "io/http_server.h"

namespace patronus {

void HttpServer::ask_snapshots(RequestId id, Waiting&& waiting, const http::Request& request, Now now) {
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  std::variant<api::MakeSnapshot, SnapshotQuery, api::Problem> understood =
      api::understand_snapshots(waiting.asked.route, request);
  if (const auto* problem = std::get_if<api::Problem>(&understood))
    return answer(waiting, api::problem_response(*problem, origin), now);
  waiting_.emplace(id.value, std::move(waiting));
  auto* query = std::get_if<SnapshotQuery>(&understood);
  if (query != nullptr) query->ticket = id.value;
  if (query != nullptr ? listener_.query_snapshots(std::move(*query)) : listener_.make_snapshot(id.value))
    return;
  const api::Problem busy{503,  "busy", "a snapshot is being made, or too many are being read",
                          true, false,  {}};
  const Waiting refused = std::move(waiting_.at(id.value));
  waiting_.erase(id.value);
  answer(refused, api::problem_response(busy, origin), now);
}

void HttpServer::snapshot_answered(SnapshotAnswer&& answered, Now now) {
  if (restore_.snapshot_answered(answered, now)) return;
  const auto at = waiting_.find(answered.ticket);
  if (at == waiting_.end()) return;
  const Waiting waiting = std::move(at->second);
  waiting_.erase(at);
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  answer(waiting,
         api::snapshot_response(waiting.asked.route, waiting.asked.method, std::move(answered), origin), now);
}

void HttpServer::ask_restore(RequestId id, Waiting&& waiting, const http::Request& request,
                             const api::Caller& caller, Now now) {
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  api::Problem problem;
  if (!api::only_parameters(request, {}, problem))
    return answer(waiting, api::problem_response(problem, origin), now);
  if (api::is_read(request.method)) return answer(waiting, restore_.show(), now);
  if (std::optional<http::Response> refused = restore_.begin(id, request, caller, origin, now))
    return answer(waiting, std::move(*refused), now);
  waiting_.emplace(id.value, std::move(waiting));
}

void HttpServer::pursue_restore(Now now) {
  while (true) {
    // An answer may be followed by the next question, and a question refused at once by an answer.
    if (std::optional<std::pair<RequestId, http::Response>> done = restore_.take_answer()) {
      const auto at = waiting_.find(done->first.value);
      if (at != waiting_.end()) {
        const Waiting waiting = std::move(at->second);
        waiting_.erase(at);
        answer(waiting, std::move(done->second), now);
      }
    }
    if (const std::optional<std::string> notice = restore_.take_notice())
      ports_.log({NoticeKind::kOperator, *notice});
    const RequestId id{next_request_};
    if (std::optional<SnapshotQuery> query = restore_.next_query(id.value, now)) {
      ++next_request_;
      if (!listener_.query_snapshots(std::move(*query))) restore_.refused_query(now);
    } else if (std::optional<ClientWrite> write = restore_.next_write(id, now)) {
      ++next_request_;
      listener_.on_core_request(std::move(*write));
    } else {
      return;
    }
  }
}

}  // namespace patronus
