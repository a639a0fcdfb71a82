// What becomes of a request once its connection has handed it over: who asks and whether that one may, what
// is answered at once, and what is asked of the core or of those who hash passwords.
#include <algorithm>
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "io/api/openapi.h"
#include "io/api/operator_routes.h"
#include "io/api/probe_routes.h"
#include "io/api/recovery_route.h"
#include "io/api/revocation_route.h"
#include "io/api/state_answers.h"
#include "io/api/status_routes.h"
#include "io/api/table_answers.h"
#include "io/api/table_requests.h"
#include "io/auth/refresh_token.h"
#include "io/http_server.h"

namespace patronus {
namespace {

std::string_view method_label(http::Method method) {
  static constexpr std::string_view kNames[] = {"GET",    "HEAD",  "PUT",     "POST",
                                                "DELETE", "PATCH", "OPTIONS", "OTHER"};
  return kNames[static_cast<size_t>(method)];
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

bool is_for_the_core(api::Route route, http::Method method) {
  if (route == api::Route::kClusterNodes || route == api::Route::kClusterNode) return !api::is_read(method);
  return route == api::Route::kStateKey || route == api::Route::kStateList ||
         route == api::Route::kStateBatch || route == api::Route::kClusterHistory ||
         route == api::Route::kForceElection || route == api::Route::kReinit;
}

// Whether it matters who asks. Elsewhere a token that came along is not even looked at.
bool asks_who(api::Route route, api::Need need) {
  return need != api::Need::kNobody || route == api::Route::kClusterStatus || route == api::Route::kLogout;
}

bool is_of_backup(api::Route route) {
  return route == api::Route::kBackupStatus || route == api::Route::kBackupNow ||
         route == api::Route::kBackupVerify;
}

bool is_for_diagnosis(api::Route route, http::Method method) {
  if (!api::is_read(method)) return false;
  return route == api::Route::kClusterStatus || route == api::Route::kClusterHistory ||
         route == api::Route::kClusterNodes || route == api::Route::kClusterNode;
}

}  // namespace

std::string HttpServer::request_id_of(const http::Request& request) {
  const std::string* given = request.header("x-request-id");
  if (given != nullptr && is_token(*given)) return *given;
  return self_ + "-" + to_hex(next_request_);
}

void HttpServer::handle(ConnId conn, http::StreamId stream, http::Request&& request, Now now) {
  begin(conn, stream, std::move(request), now.mono, false, now);
}

void HttpServer::begin(ConnId conn, http::StreamId stream, http::Request&& request, Instant began,
                       bool caught_up, Now now) {
  const api::Route route = api::route_of(request);
  Waiting waiting{conn, stream, {}, request_id_of(request), began, nullptr, nullptr, nullptr, false};
  const RequestId id{next_request_++};
  waiting.asked.route = route;
  waiting.asked.method = request.method;
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  if (unwritten_ > limits::kHttpUnwrittenBytesMax) {
    const api::Problem busy{503,  "busy", "too many answers wait for clients that do not read",
                            true, false,  {}};
    return answer(waiting, api::problem_response(busy, origin), now);
  }
  if (std::optional<http::Response> refusal = refuse_route(route, request, origin))
    return answer(waiting, std::move(*refusal), now);
  if (api::is_of_accounts(route) && request.body.size() > limits::kAccountBodyBytesMax) {
    const std::string most = std::to_string(limits::kAccountBodyBytesMax);
    const api::Problem large{
        413, "body_too_large", "this path takes at most " + most + " bytes", false, false, {}};
    return answer(waiting, api::problem_response(large, origin), now);
  }
  const api::Need need = api::is_read(request.method) ? api::info(route).to_read : api::info(route).to_write;
  std::optional<api::Caller> caller;
  std::optional<api::Problem> unknown;  // why it is not known who asks, where that does not end it
  if (asks_who(route, need)) {
    std::variant<api::Nobody, api::Caller, api::NotYet, api::Problem> who =
        access_.identify(request, now, is_for_diagnosis(route, request.method));
    const auto* problem = std::get_if<api::Problem>(&who);
    // Who can't be judged is told of the cluster what anyone may know; and a refresh cookie logs out as well
    // as a token that has expired meanwhile.
    const bool goes_on =
        problem != nullptr &&
        ((route == api::Route::kClusterStatus && problem->status == 503) || route == api::Route::kLogout);
    if (problem != nullptr && !goes_on) return answer(waiting, api::problem_response(*problem, origin), now);
    const auto* not_yet = std::get_if<api::NotYet>(&who);
    if (not_yet != nullptr && route != api::Route::kClusterStatus) {
      waiting.caught_up = caught_up;
      return wait_to_catch_up(id, std::move(waiting), std::move(request),
                              ClientRead{{}, ReachedQuery{}, Consistency::kStale, not_yet->revision, {}},
                              now);
    }
    if (problem != nullptr && route == api::Route::kLogout) unknown = *problem;
    if (auto* known = std::get_if<api::Caller>(&who)) caller = std::move(*known);
    if (const auto obstacle = api::Access::obstacle(need, caller ? &*caller : nullptr))
      return answer(waiting, api::problem_response(*obstacle, origin), now);
    if (caller) listener_.touch_session(caller->session);
  }
  // What another node did a moment ago, such as making the user who logs in here, must not be missed.
  const bool snapshots_now =
      (route == api::Route::kSnapshots || route == api::Route::kRestore) && !api::is_read(request.method);
  if ((api::wants_latest(route) || snapshots_now) && !caught_up) {
    waiting.caught_up = true;
    return wait_to_catch_up(id, std::move(waiting), std::move(request),
                            ClientRead{{}, ReachedQuery{}, Consistency::kLinearizable, {}, {}}, now);
  }
  if (route == api::Route::kSnapshots || route == api::Route::kSnapshot)
    return ask_snapshots(id, std::move(waiting), request, now);
  if (route == api::Route::kRestore) return ask_restore(id, std::move(waiting), request, *caller, now);
  if (route == api::Route::kRecovery) return answer(waiting, recover(request, origin), now);
  if (api::is_of_accounts(route)) {
    waiting.account = std::make_unique<api::AccountAsk>();
    waiting.account->caller = std::move(caller);
    waiting.account->unknown = std::move(unknown);
    return begin_account(std::move(waiting), id, request, now);
  }
  if (route == api::Route::kDrain || route == api::Route::kUndrain)
    return answer(waiting, drain_for_operator(route, request, *caller, origin), now);
  if (is_of_backup(route)) return answer(waiting, backup_answer(route, request, origin, now), now);
  if (api::is_of_tables(route)) return ask_tables(id, std::move(waiting), std::move(request), *caller, now);
  if (!is_for_the_core(route, request.method))
    return answer(waiting, answer_here(route, request, origin, caller.has_value(), now), now);
  if (std::optional<http::Response> elsewhere = redirect(request, origin))
    return answer(waiting, std::move(*elsewhere), now);
  std::variant<api::Understood, api::Problem> understood = api::understand(route, request, *caller);
  if (const auto* problem = std::get_if<api::Problem>(&understood))
    return answer(waiting, api::problem_response(*problem, origin), now);
  auto& [core_request, asked] = std::get<api::Understood>(understood);
  waiting.asked = std::move(asked);
  ask_core(id, std::move(waiting), std::move(core_request), now);
}

void HttpServer::ask_tables(RequestId id, Waiting&& waiting, http::Request&& request,
                            const api::Caller& caller, Now now) {
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  if (std::optional<http::Response> elsewhere = redirect(request, origin))
    return answer(waiting, std::move(*elsewhere), now);
  std::variant<api::Understood, api::Problem> understood =
      api::understand_table(waiting.asked.route, request, caller, auth::new_id(crypto_));
  if (const auto* problem = std::get_if<api::Problem>(&understood))
    return answer(waiting, api::problem_response(*problem, origin), now);
  auto& [core_request, asked] = std::get<api::Understood>(understood);
  waiting.asked = std::move(asked);
  // A read has no body, so that what is held of it is little.
  if (api::is_read(request.method)) waiting.table = std::make_unique<http::Request>(std::move(request));
  ask_core(id, std::move(waiting), std::move(core_request), now);
}

// The request is held whole meanwhile, and without a leader nobody can say for how long: so all of them
// together have a limit.
void HttpServer::wait_to_catch_up(RequestId id, Waiting&& waiting, http::Request&& request, ClientRead&& read,
                                  Now now) {
  if (replay_bytes_ + request.body.size() > limits::kHttpReplayBytesMax) {
    const api::Problem busy{503,  "busy", "too many requests wait for this node to know the latest state",
                            true, false,  {}};
    return answer(waiting, api::problem_response(busy, {waiting.request_id, listener_.leader_id()}), now);
  }
  replay_bytes_ += request.body.size();
  waiting.replay = std::make_unique<http::Request>(std::move(request));
  ask_core(id, std::move(waiting), std::move(read), now);
}

void HttpServer::ask_core(RequestId id, Waiting&& waiting, api::CoreRequest&& request, Now now) {
  waiting_.emplace(id.value, std::move(waiting));
  std::visit(
      [&](auto& concrete) {
        concrete.request = id;
        concrete.deadline = now.mono + request_timeout_;
      },
      request);
  listener_.on_core_request(std::move(request));
}

// A path that is not there, or a method that it does not take.
std::optional<http::Response> HttpServer::refuse_route(api::Route route, const http::Request& request,
                                                       const api::Origin& origin) const {
  if (route == api::Route::kNone) {
    return api::problem_response({404, "no_such_path", "there is nothing at this path", false, false, {}},
                                 origin);
  }
  if (api::allows(route, request.method_name)) return std::nullopt;
  const std::string methods(api::info(route).methods);
  http::Response response = api::problem_response(
      {405, "method_not_allowed", "this path takes " + methods, false, false, {}}, origin);
  response.headers.push_back({"Allow", methods});
  return response;
}

// Of this node alone: each has copies of its own.
http::Response HttpServer::backup_answer(api::Route route, const http::Request& request,
                                         const api::Origin& origin, Now now) {
  api::Problem problem;
  if (!api::only_parameters(request, {}, problem)) return api::problem_response(problem, origin);
  if (route == api::Route::kBackupStatus)
    return api::backup_status_response(backup_, self_, now.wall.unix_ms);
  std::variant<backup::Requests, api::Problem> asked =
      api::ask_backup(route, backup_, backup_requests_, now.wall.unix_ms);
  if (const auto* refused = std::get_if<api::Problem>(&asked)) return api::problem_response(*refused, origin);
  const auto& next = std::get<backup::Requests>(asked);
  if (!ports_.ask_backup(next))
    return api::problem_response({503, "backup_not_running", "this node has no database", true, false, {}},
                                 origin);
  backup_requests_ = next;
  return api::backup_asked_response(route == api::Route::kBackupNow ? next.now : next.verify);
}

// What needs no core: health, metrics, revoked certificates, the cluster's status.
http::Response HttpServer::answer_here(api::Route route, const http::Request& request,
                                       const api::Origin& origin, bool in_full, Now now) {
  if (route == api::Route::kRevocations) return api::revocation_response(request, revocations_, origin);
  if (route == api::Route::kOpenApi) return api::openapi_response();
  if (route != api::Route::kMetrics)
    return api::status_response(route, request, listener_.node_status(), version_, origin, in_full);
  http::Response response;
  response.headers.push_back({"Content-Type", "text/plain; version=0.0.4; charset=utf-8"});
  response.body = render_metrics(listener_.node_status(), metrics_, listener_.process_figures(), version_,
                                 api::backup_figures(backup_, now.wall.unix_ms));
  return response;
}

http::Response HttpServer::drain_for_operator(api::Route route, const http::Request& request,
                                              const api::Caller& caller, const api::Origin& origin) {
  if (const auto problem = api::refuse_drain(request)) return api::problem_response(*problem, origin);
  const bool on = route == api::Route::kDrain;
  if (!listener_.drain_for_operator(on, "user " + caller.user))
    return api::problem_response(api::is_stopping(), origin);
  return api::drain_response(self_, on);
}

// There may be nobody left who could vouch for a user, so it takes the cluster's secret.
http::Response HttpServer::recover(const http::Request& request, const api::Origin& origin) {
  const Node::Remains remains = listener_.remains();
  if (const auto problem = api::refuse_recovery(request, self_, remains, crypto_))
    return api::problem_response(*problem, origin);
  if (!api::is_read(request.method)) listener_.found_anew();
  return api::recovery_response(self_, remains, !api::is_read(request.method));
}

std::optional<http::Response> HttpServer::redirect(const http::Request& request,
                                                   const api::Origin& origin) const {
  const std::string* wanted = request.param("redirect");
  const bool writes = !api::is_read(request.method);
  if (!writes || wanted == nullptr || *wanted != "1" || origin.leader == self_) return std::nullopt;
  const Status status = listener_.node_status();
  if (status.leader_address.empty()) {
    return api::problem_response({503, "no_leader", "no leader is known to redirect to", true, false, {}},
                                 origin);
  }
  http::Response response;
  response.status = 307;
  response.headers.push_back({"Location", redirect_scheme_ + status.leader_address + request.target});
  return response;
}

void HttpServer::begin_account(Waiting&& waiting, RequestId id, const http::Request& request, Now now) {
  api::AccountAsk& ask = *waiting.account;
  ask.route = waiting.asked.route;
  ask.method = request.method;
  ask.origin = {waiting.request_id, listener_.leader_id()};
  const auto conn = conns_.find(waiting.conn);
  const Remote remote = conn == conns_.end() ? Remote{} : conn->second->remote;
  ask.secure = remote.secure;
  api::Step step = desk_.begin(ask, request, remote, now);
  take_step(id, std::move(waiting), std::move(step), now);
}

void HttpServer::take_step(RequestId id, Waiting&& waiting, api::Step&& step, Now now) {
  if (auto* response = std::get_if<http::Response>(&step)) return answer(waiting, std::move(*response), now);
  if (auto* write = std::get_if<ClientWrite>(&step))
    return ask_core(id, std::move(waiting), std::move(*write), now);
  auto& password = std::get<api::PasswordStep>(step);
  if (!BUGGIFY(kPasswordsFull) &&
      listener_.hash_password(
          {id.value, password.task, std::move(password.password), std::move(password.stored)})) {
    waiting_.emplace(id.value, std::move(waiting));
    return;
  }
  const api::Problem busy{503, "busy", "too many passwords are being checked; try again", true, false, {}};
  answer(waiting, api::problem_response(busy, waiting.account->origin), now);
}

void HttpServer::password_done(auth::PasswordDone&& done, Now now) {
  const auto at = waiting_.find(done.id);
  if (at == waiting_.end() || !at->second.account) return;
  const RequestId id{done.id};
  Waiting waiting = std::move(at->second);
  waiting_.erase(at);
  api::Step step = desk_.password_done(*waiting.account, std::move(done), now);
  take_step(id, std::move(waiting), std::move(step), now);
}

void HttpServer::answered(RequestId request, const Answer& core_answer, Now now) {
  if (const auto* write = std::get_if<WriteResult>(&core_answer);
      write && restore_.answered(request, *write, now))
    return;
  const auto at = waiting_.find(request.value);
  if (at == waiting_.end()) return;
  Waiting waiting = std::move(at->second);
  waiting_.erase(at);
  const api::Origin origin{waiting.request_id, listener_.leader_id()};
  if (const auto* write = std::get_if<WriteResult>(&core_answer);
      write != nullptr && api::is_of_tables(waiting.asked.route))
    return answer(waiting, api::table_write_response(waiting.asked, *write, node_.store().tables(), origin),
                  now);
  if (const auto* write = std::get_if<WriteResult>(&core_answer)) {
    return answer(waiting,
                  waiting.account ? desk_.write_done(*waiting.account, *write, now)
                                  : api::write_response(waiting.asked, *write, origin),
                  now);
  }
  if (const auto* transfer = std::get_if<TransferResult>(&core_answer))
    return answer(waiting, api::force_election_response(waiting.asked, *transfer, origin), now);
  const auto& read = std::get<ReadResult>(core_answer);
  if (waiting.replay) replay_bytes_ -= waiting.replay->body.size();
  if (waiting.replay && !read.failure)
    return begin(waiting.conn, waiting.stream, std::move(*waiting.replay), waiting.began, waiting.caught_up,
                 now);
  if (waiting.replay) return answer(waiting, api::problem_response(api::Access::cannot_vouch(), origin), now);
  if (waiting.table && !read.failure) return answer(waiting, table_answer(waiting, read, origin, now), now);
  answer(waiting, api::read_response(waiting.asked, read, origin), now);
}

http::Response HttpServer::table_answer(const Waiting& waiting, const ReadResult& read,
                                        const api::Origin& origin, Now now) {
  const Tables& tables = node_.store().tables();
  http::Response response;
  if (waiting.asked.route == api::Route::kPathMetrics) {
    response = api::path_metrics_response(*waiting.table, tables, samples_, now.wall, origin);
  } else if (waiting.asked.route == api::Route::kProbeKey) {
    response = api::probe_key_response(*waiting.table, tables, crypto_, origin);
  } else {
    return api::table_response(waiting.asked.route, *waiting.table, tables, read, origin);
  }
  api::note_staleness(read, response);
  return response;
}

void HttpServer::answer(const Waiting& waiting, http::Response&& response, Now now) {
  metrics_
      .requests[{api::info(waiting.asked.route).path, method_label(waiting.asked.method), response.status}]
      .observe(now.mono - waiting.began);
  const auto at = conns_.find(waiting.conn);
  if (at == conns_.end()) return;  // the client is gone; what it asked for was done all the same
  sign(response, waiting.request_id);
  at->second->handling = false;
  if (draining_) response.close = true;
  at->second->http.respond(now.mono, now.wall, waiting.stream, std::move(response));
  touch(waiting.conn);
}

}  // namespace patronus
