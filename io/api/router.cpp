#include "io/api/router.h"

#include <array>

namespace patronus::api {
namespace {

constexpr std::array<RouteInfo, 11> kRoutes{{
    {"/health", "GET, HEAD"},
    {"/health/live", "GET, HEAD"},
    {"/health/ready", "GET, HEAD"},
    {"/health/leader", "GET, HEAD"},
    {"/metrics", "GET, HEAD"},
    {"/api/v1/cluster/status", "GET, HEAD"},
    {"/api/v1/cluster/history", "GET, HEAD"},
    {"/api/v1/state/{namespace}/{key}", "GET, HEAD, PUT, DELETE"},
    {"/api/v1/state/{namespace}", "GET, HEAD"},
    {"/api/v1/state/{namespace}/batch", "POST"},
    {"none", ""},
}};

using Segments = std::vector<std::string>;

Route health_route(const Segments& path) {
  if (path.size() == 1) return Route::kHealth;
  if (path.size() != 2) return Route::kNone;
  if (path[1] == "live") return Route::kLive;
  if (path[1] == "ready") return Route::kReady;
  if (path[1] == "leader") return Route::kLeader;
  return Route::kNone;
}

}  // namespace

const RouteInfo& info(Route route) { return kRoutes[static_cast<size_t>(route)]; }

Route route_of(const http::Request& request) {
  const Segments& path = request.segments;
  if (path.empty()) return Route::kNone;
  if (path[0] == "health") return health_route(path);
  if (path.size() == 1 && path[0] == "metrics") return Route::kMetrics;
  if (path.size() < 4 || path[0] != "api" || path[1] != "v1") return Route::kNone;
  if (path[2] == "cluster" && path.size() == 4) {
    if (path[3] == "status") return Route::kClusterStatus;
    if (path[3] == "history") return Route::kClusterHistory;
  }
  if (path[2] == "state") {
    if (path.size() == 4) return Route::kStateList;
    // A key may be called "batch" too: only a POST means the batch.
    if (path.size() == 5) {
      return path[4] == "batch" && request.method == http::Method::kPost ? Route::kStateBatch
                                                                         : Route::kStateKey;
    }
  }
  return Route::kNone;
}

bool allows(Route route, std::string_view method) {
  std::string_view methods = info(route).methods;
  while (!methods.empty()) {
    const size_t comma = methods.find(", ");
    if (methods.substr(0, comma) == method) return true;
    if (comma == std::string_view::npos) return false;
    methods.remove_prefix(comma + 2);
  }
  return false;
}

}  // namespace patronus::api
