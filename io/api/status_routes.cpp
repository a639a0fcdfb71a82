#include "io/api/status_routes.h"

#include <algorithm>

#include "io/api/state_answers.h"
#include "io/api/state_requests.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

void put_leader(json::Writer& out, const Status& status) {
  out.key("leader");
  if (status.leader.empty()) {
    out.null();
  } else {
    out.value(status.leader);
  }
}

http::Response health(const Status& status, const std::string& version) {
  std::string body;
  json::Writer out(body);
  const char* const word = status.draining ? "draining" : status.ready ? "ok" : "degraded";
  out.begin_object().field("status", word).field("node", status.id);
  out.field("role", status.role);
  put_leader(out, status);
  out.field("term", status.term.value).field("version", version).finish();
  return private_json(200, std::move(body));
}

http::Response live(const Status& status) {
  std::string body;
  json::Writer(body).begin_object().field("status", "live").field("node", status.id).finish();
  return private_json(200, std::move(body));
}

http::Response ready(const http::Request& request, const Status& status, const Origin& origin) {
  Problem problem;
  if (!only_parameters(request, {"verbose", "exclude"}, problem)) return problem_response(problem, origin);
  const std::string* exclude = request.param("exclude");
  const bool verbose = request.param("verbose") != nullptr;
  const auto excluded = [&](const ComponentView& component) {
    return exclude != nullptr && component.name == *exclude;
  };
  const bool known =
      exclude == nullptr || std::any_of(status.components.begin(), status.components.end(), excluded);
  if (!known) {
    return problem_response(
        {400, "bad_parameter", "there is no component '" + *exclude + "' to exclude", false, false, {}},
        origin);
  }
  const bool is_ready = std::all_of(
      status.components.begin(), status.components.end(),
      [&](const ComponentView& component) { return component.allows_ready() || excluded(component); });
  std::string body;
  json::Writer out(body);
  const char* const word = status.draining ? "draining" : is_ready ? "ready" : "unready";
  out.begin_object().field("status", word).field("node", status.id);
  out.begin_array("components");
  for (const ComponentView& component : status.components) {
    if (component.ok && !verbose) continue;
    out.begin_object().field("name", component.name).field("ok", component.ok);
    out.field("reason", component.reason).field("since", rfc3339(component.since.unix_ms));
    if (excluded(component)) out.field("excluded", true);
    if (component.tolerated) out.field("tolerated", true);
    out.end();
  }
  out.finish();
  // A node that drains is told apart from one that fails: 404 is what HAProxy's disable-on-404 takes for "no
  // new clients, but those that stick to this node may finish".
  if (status.draining) return private_json(404, std::move(body));
  return private_json(is_ready ? 200 : 503, std::move(body));
}

http::Response leader(const Status& status) {
  std::string body;
  json::Writer out(body);
  out.begin_object().field("is_leader", status.role == "leader");
  put_leader(out, status);
  out.finish();
  return private_json(status.role == "leader" ? 200 : 503, std::move(body));
}

void put_node(json::Writer& out, const NodeView& node) {
  out.begin_object().field("id", node.id).field("address", node.address).field("role", node.role);
  out.field("voter", node.voter).field("standing", node.standing).field("healthy", node.healthy);
  out.key("last_contact_ms");
  if (node.last_contact_ms < 0) {
    out.null();
  } else {
    out.value(node.last_contact_ms);
  }
  out.field("applied_index", node.applied.value).field("lag_entries", node.lag_entries);
  out.field("version", node.version).field("draining", node.draining);
  out.field("log_room", log_room_name(node.room)).end();
}

// Anyone may know which cluster this is, whether it can write (someone leads, and a quorum follows) and who
// leads; who its nodes are only those who are logged in.
http::Response cluster(const Status& status, bool in_full) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("cluster_id");
  if (status.cluster_id) {
    out.value(status.cluster_id.hex());
  } else {
    out.null();
  }
  put_leader(out, status);
  const bool healthy = !status.leader.empty() && status.quorum > 0 && status.nodes_healthy >= status.quorum;
  out.field("healthy", healthy).field("term", status.term.value);
  if (!status.waits_for.empty()) out.field("waits_for", status.waits_for);
  if (!in_full) {
    out.finish();
    return private_json(200, std::move(body));
  }
  out.field("protocol", uint64_t{status.protocol});
  out.field("quorum", status.quorum);
  out.field("failure_tolerance", status.failure_tolerance);
  out.field("commit_index", status.commit.value).field("applied_index", status.applied.value);
  out.begin_array("nodes");
  for (const NodeView& node : status.nodes) put_node(out, node);
  out.finish();
  return private_json(200, std::move(body));
}

http::Response nodes(const Status& status) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_leader(out, status);
  out.field("term", status.term.value).begin_array("nodes");
  for (const NodeView& node : status.nodes) put_node(out, node);
  out.finish();
  return private_json(200, std::move(body));
}

http::Response node(const Status& status, const std::string& id, const Origin& origin) {
  const auto at = std::find_if(status.nodes.begin(), status.nodes.end(),
                               [&](const NodeView& view) { return view.id == id; });
  if (at == status.nodes.end()) {
    return problem_response({404, "unknown_node", "the cluster has no node '" + id + "'", false, false, {}},
                            origin);
  }
  std::string body;
  json::Writer out(body);
  put_node(out, *at);
  return private_json(200, std::move(body));
}

}  // namespace

http::Response status_response(Route route, const http::Request& request, const Status& status,
                               const std::string& version, const Origin& origin, bool in_full) {
  if (route == Route::kReady) return ready(request, status, origin);
  Problem problem;
  if (!only_parameters(request, {}, problem)) return problem_response(problem, origin);
  switch (route) {
    case Route::kLive:
      return live(status);
    case Route::kLeader:
      return leader(status);
    case Route::kClusterStatus:
      return cluster(status, in_full);
    case Route::kClusterNodes:
      return nodes(status);
    case Route::kClusterNode:
      return node(status, request.segments[4], origin);
    default:
      return health(status, version);
  }
}

}  // namespace patronus::api
