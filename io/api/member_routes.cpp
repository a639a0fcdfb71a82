#include "io/api/member_routes.h"

#include <utility>

#include "core/base/limits.h"
#include "io/api/account_requests.h"
#include "io/api/body.h"
#include "io/api/state_answers.h"
#include "io/config/address.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

struct NodeBody {
  std::string id;
  std::string address;
};

Understood understood(MemberOp&& op, std::string id, const http::Request& request, const Caller& caller,
                      std::optional<IdempotencyKey>&& idempotency) {
  ClientWrite write;
  write.op = std::move(op);
  write.idempotency = std::move(idempotency);
  write.authority = Authority{caller.session, caller.user, UserRole::kAdmin};
  const bool adds = request.method == http::Method::kPost;
  Asked asked{adds ? Route::kClusterNodes : Route::kClusterNode, request.method, false, false, {}, {}, {}};
  asked.key = std::move(id);
  return Understood{std::move(write), std::move(asked)};
}

Problem member_problem(const Asked& asked, const WriteResult& result) {
  const std::string node = "node " + asked.key;
  switch (result.outcome) {
    case Outcome::kNotFound:
      return {404, "unknown_node", "the cluster has no " + node, false, false, {}};
    case Outcome::kPreconditionFailed:
      return {409, "already_member", node + " belongs to the cluster already", false, false, {}};
    case Outcome::kLimitReached:
      return {409,
              "too_many_nodes",
              "a cluster has at most " + std::to_string(limits::kMembersMax) + " nodes; remove one first",
              false,
              false,
              {}};
    default:
      return write_problem(result);
  }
}

}  // namespace

std::variant<Understood, Problem> understand_add_node(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  std::variant<NodeBody, Problem> body =
      read_body<NodeBody>(request, limits::kOperatorBodyBytesMax, [](json::Fields& in, NodeBody& read) {
        read.id = in.required_string("id", {.bytes_max = limits::kOperatorBodyBytesMax});
        if (in.has("id") && !is_node_id(read.id)) in.error("id", "is not a node's id, such as node-4");
        read.address = in.required_string("address", {.bytes_max = limits::kAddressBytesMax});
        if (in.has("address") && !parse_address(read.address))
          in.error("address", "is not where peers reach it, such as node-4.example.org:8442");
      });
  if (auto* wrong = std::get_if<Problem>(&body)) return std::move(*wrong);
  std::optional<IdempotencyKey> key;
  if (!idempotency(request, caller.user, key, problem)) return problem;
  auto& [id, address] = std::get<NodeBody>(body);
  AdmitNodeOp op{id, Incarnation{}, std::move(address), "", "user " + caller.user, Incarnation{}};
  return understood(std::move(op), std::move(id), request, caller, std::move(key));
}

std::variant<Understood, Problem> understand_remove_node(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect", "force"}, problem)) return problem;
  if (const auto unexpected = no_body(request)) return *unexpected;
  const std::string& id = request.segments[4];
  if (!is_node_id(id)) return Problem{404, "unknown_node", "the cluster has no such node", false, false, {}};
  const std::optional<bool> force = flag(request, "force", problem);
  if (!force) return problem;
  std::optional<IdempotencyKey> key;
  if (!idempotency(request, caller.user, key, problem)) return problem;
  return understood(RemoveNodeOp{id, *force}, id, request, caller, std::move(key));
}

std::variant<Understood, Problem> understand_reinit(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  if (const auto unexpected = no_body(request)) return *unexpected;
  const std::string& id = request.segments[4];
  if (!is_node_id(id)) return Problem{404, "unknown_node", "the cluster has no such node", false, false, {}};
  std::optional<IdempotencyKey> key;
  if (!idempotency(request, caller.user, key, problem)) return problem;
  Understood result = understood(ReinitNodeOp{id}, id, request, caller, std::move(key));
  result.asked.route = Route::kReinit;
  return result;
}

http::Response node_change_response(const Asked& asked, const WriteResult& result, const Origin& origin) {
  if (result.outcome != Outcome::kOk) return problem_response(member_problem(asked, result), origin);
  const bool removes = asked.method == http::Method::kDelete;
  std::string body;
  json::Writer out(body);
  out.begin_object().field("id", asked.key).field("wanted", !removes);
  out.field("see", "/api/v1/cluster/nodes").finish();
  return private_json(removes ? 200 : 202, std::move(body));
}

}  // namespace patronus::api
