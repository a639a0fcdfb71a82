#include "io/api/operator_routes.h"

#include "core/base/limits.h"
#include "io/api/account_requests.h"
#include "io/api/body.h"
#include "io/api/state_answers.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

struct ForceElectionBody {
  std::string target;
};

Problem problem_of(const std::string& target, TransferFailure failure) {
  const std::string node = "node " + target;
  switch (failure) {
    case TransferFailure::kUnknownNode:
      return {404, "unknown_node", "the cluster has no " + node, false, false, {}};
    case TransferFailure::kLeadsAlready:
      return conflict("leads_already", node + " leads already");
    case TransferFailure::kNotVoter:
      return conflict("not_a_voter", node + " is not, or not for much longer, a voter; see its standing");
    case TransferFailure::kUnhealthy:
      return conflict("node_unhealthy", "the leader has not heard of " + node + " for the election timeout");
    case TransferFailure::kLagging:
      return conflict("node_lagging", node + " lacks more than " +
                                          std::to_string(limits::kTransferLagEntriesMax) +
                                          " entries; wait until it has caught up");
    case TransferFailure::kDraining:
      return conflict("node_draining", node + " drains; POST /api/v1/admin/undrain there first");
    case TransferFailure::kNobody:
      return conflict("no_successor", "no other voter is healthy, caught up and not draining");
    case TransferFailure::kNoLeader:
      return {503, "no_leader", "nobody leads, so there is no leadership to hand over", true, false, {}};
    case TransferFailure::kBusy:
      return {503, "busy", "too many requests for another leader are waiting", true, false, {}};
    case TransferFailure::kTimeout:
    case TransferFailure::kNotYet:
      break;
  }
  return {503,
          "not_taken_over",
          "no other node was seen to take over in time; see /api/v1/cluster/status",
          true,
          true,
          {}};
}

}  // namespace

std::variant<Understood, Problem> understand_force_election(const http::Request& request,
                                                            const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  ClientTransfer transfer;
  transfer.by = "user " + caller.user;
  if (!request.body.empty()) {
    std::variant<ForceElectionBody, Problem> body = read_body<ForceElectionBody>(
        request, limits::kOperatorBodyBytesMax, [](json::Fields& in, ForceElectionBody& read) {
          const std::optional<std::string> target =
              in.optional_string("target", {.bytes_max = limits::kOperatorBodyBytesMax});
          if (target && !is_node_id(*target)) in.error("target", "is not a node's id");
          read.target = target.value_or("");
        });
    if (auto* wrong = std::get_if<Problem>(&body)) return std::move(*wrong);
    transfer.target = std::move(std::get<ForceElectionBody>(body).target);
  }
  Asked asked{Route::kForceElection, request.method, false, false, transfer.target, {}, {}};
  return Understood{std::move(transfer), std::move(asked)};
}

http::Response force_election_response(const Asked& asked, const TransferResult& result,
                                       const Origin& origin) {
  if (result.failure) return problem_response(problem_of(asked.key, *result.failure), origin);
  std::string body;
  json::Writer out(body);
  out.begin_object().field("old_leader", result.old_leader).field("new_leader", result.new_leader);
  out.field("term", result.term.value).field("took_ms", in_ms(result.took)).finish();
  return private_json(200, std::move(body));
}

std::optional<Problem> refuse_drain(const http::Request& request) {
  Problem problem;
  if (!only_parameters(request, {}, problem)) return problem;
  return no_body(request);
}

http::Response drain_response(const std::string& node, bool draining) {
  std::string body;
  json::Writer out(body);
  out.begin_object().field("node", node).field("draining", draining);
  // Nothing of it is written down: a node that is restarted serves again.
  if (draining) out.field("until", "undrain or restart");
  out.finish();
  return private_json(200, std::move(body));
}

Problem is_stopping() {
  return {409,
          "stopping",
          "this node is about to end, because it was told to stop or is taken out; it drains until then",
          false,
          false,
          {}};
}

}  // namespace patronus::api
