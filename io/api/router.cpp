#include "io/api/router.h"

#include <array>
#include <utility>

namespace patronus::api {
namespace {

constexpr std::array<RouteInfo, 48> kRoutes{{
    {"/health", "GET, HEAD"},
    {"/health/live", "GET, HEAD"},
    {"/health/ready", "GET, HEAD"},
    {"/health/leader", "GET, HEAD"},
    {"/metrics", "GET, HEAD"},
    {"/pki/ca.crl", "GET, HEAD"},
    {"/api/v1/cluster/status", "GET, HEAD"},
    {"/api/v1/cluster/history", "GET, HEAD", Need::kViewer},
    {"/api/v1/cluster/nodes", "GET, HEAD, POST", Need::kViewer, Need::kAdmin},
    {"/api/v1/cluster/nodes/{id}", "GET, HEAD, DELETE", Need::kViewer, Need::kAdmin},
    {"/api/v1/admin/force-election", "POST", Need::kOperator, Need::kOperator},
    {"/api/v1/admin/drain", "POST", Need::kOperator, Need::kOperator},
    {"/api/v1/admin/undrain", "POST", Need::kOperator, Need::kOperator},
    {"/api/v1/admin/reinit/{id}", "POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/admin/recovery", "GET, HEAD, POST"},
    {"/api/v1/snapshots", "GET, HEAD, POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/snapshots/{id}", "GET, HEAD, PUT", Need::kAdmin, Need::kAdmin},
    {"/api/v1/snapshots/restore", "GET, HEAD, POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/backup/status", "GET, HEAD", Need::kViewer},
    {"/api/v1/backup/now", "POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/backup/verify", "POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/openapi.json", "GET, HEAD"},
    {"/api/v1/state/{namespace}/{key}", "GET, HEAD, PUT, DELETE", Need::kViewer, Need::kOperator},
    {"/api/v1/state/{namespace}", "GET, HEAD", Need::kViewer},
    {"/api/v1/state/{namespace}/batch", "POST", Need::kViewer, Need::kOperator},
    {"/.well-known/jwks.json", "GET, HEAD"},
    {"/api/v1/auth/init-admin", "POST"},
    {"/api/v1/auth/login", "POST"},
    {"/api/v1/auth/refresh", "POST"},
    {"/api/v1/auth/logout", "POST"},
    {"/api/v1/auth/me", "GET, HEAD", Need::kViewer},
    {"/api/v1/auth/change-password", "POST", Need::kViewer, Need::kViewer},
    {"/api/v1/auth/sessions", "GET, HEAD, DELETE", Need::kViewer, Need::kViewer},
    {"/api/v1/auth/sessions/{id}", "DELETE", Need::kViewer, Need::kViewer},
    {"/api/v1/users", "GET, HEAD, POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/users/{id}", "GET, HEAD, PUT, DELETE", Need::kAdmin, Need::kAdmin},
    {"/api/v1/keys/rotate", "POST", Need::kAdmin, Need::kAdmin},
    {"/api/v1/sites", "GET, HEAD, POST", Need::kViewer, Need::kOperator},
    {"/api/v1/sites/{id}", "GET, HEAD, PUT, DELETE", Need::kViewer, Need::kOperator},
    {"/api/v1/sites/{id}/probe-key", "GET, HEAD", Need::kAdmin},
    {"/api/v1/paths", "GET, HEAD", Need::kViewer},
    {"/api/v1/paths/{id}", "GET, HEAD", Need::kViewer},
    {"/api/v1/paths/{id}/metrics", "GET, HEAD", Need::kViewer},
    {"/api/v1/policies", "GET, HEAD, POST", Need::kViewer, Need::kOperator},
    {"/api/v1/policies/{id}", "GET, HEAD, PUT, DELETE", Need::kViewer, Need::kOperator},
    {"/api/v1/metrics/summary", "GET, HEAD", Need::kViewer},
    {"/api/v1/audit", "GET, HEAD", Need::kAdmin},
    {"none", ""},
}};
static_assert(kRoutes.size() == static_cast<size_t>(Route::kNone) + 1);

using Segments = std::vector<std::string>;

Route health_route(const Segments& path) {
  if (path.size() == 1) return Route::kHealth;
  if (path.size() != 2) return Route::kNone;
  if (path[1] == "live") return Route::kLive;
  if (path[1] == "ready") return Route::kReady;
  if (path[1] == "leader") return Route::kLeader;
  return Route::kNone;
}

Route cluster_route(const Segments& path) {
  if (path.size() == 5 && path[3] == "nodes") return Route::kClusterNode;
  if (path.size() != 4) return Route::kNone;
  if (path[3] == "status") return Route::kClusterStatus;
  if (path[3] == "history") return Route::kClusterHistory;
  if (path[3] == "nodes") return Route::kClusterNodes;
  return Route::kNone;
}

Route admin_route(const Segments& path) {
  if (path.size() == 5 && path[3] == "reinit") return Route::kReinit;
  if (path.size() != 4) return Route::kNone;
  if (path[3] == "force-election") return Route::kForceElection;
  if (path[3] == "drain") return Route::kDrain;
  if (path[3] == "recovery") return Route::kRecovery;
  if (path[3] == "undrain") return Route::kUndrain;
  return Route::kNone;
}

Route auth_route(const Segments& path) {
  static constexpr std::array<std::pair<std::string_view, Route>, 7> kNames{{
      {"init-admin", Route::kInitAdmin},
      {"login", Route::kLogin},
      {"refresh", Route::kRefresh},
      {"logout", Route::kLogout},
      {"me", Route::kMe},
      {"change-password", Route::kChangePassword},
      {"sessions", Route::kSessions},
  }};
  if (path.size() == 5 && path[3] == "sessions") return Route::kSession;
  if (path.size() != 4) return Route::kNone;
  for (const auto& [name, route] : kNames) {
    if (path[3] == name) return route;
  }
  return Route::kNone;
}

Route backup_route(std::string_view name) {
  if (name == "status") return Route::kBackupStatus;
  if (name == "now") return Route::kBackupNow;
  if (name == "verify") return Route::kBackupVerify;
  return Route::kNone;
}

// Behind /api/v1.
Route table_route(const Segments& path) {
  const std::string& first = path[2];
  if (path.size() == 3) {
    if (first == "sites") return Route::kSites;
    if (first == "paths") return Route::kPaths;
    if (first == "policies") return Route::kPolicies;
    if (first == "audit") return Route::kAudit;
  } else if (path.size() == 4) {
    if (first == "sites") return Route::kSite;
    if (first == "paths") return Route::kPath;
    if (first == "policies") return Route::kPolicy;
    if (first == "metrics" && path[3] == "summary") return Route::kSummary;
  } else if (path.size() == 5) {
    if (first == "sites" && path[4] == "probe-key") return Route::kProbeKey;
    if (first == "paths" && path[4] == "metrics") return Route::kPathMetrics;
  }
  return Route::kNone;
}

}  // namespace

const RouteInfo& info(Route route) { return kRoutes[static_cast<size_t>(route)]; }

Route route_of(const http::Request& request) {
  const Segments& path = request.segments;
  if (path.empty()) return Route::kNone;
  if (path[0] == "health") return health_route(path);
  if (path.size() == 1 && path[0] == "metrics") return Route::kMetrics;
  if (path.size() == 2 && path[0] == "pki" && path[1] == "ca.crl") return Route::kRevocations;
  if (path.size() == 2 && path[0] == ".well-known" && path[1] == "jwks.json") return Route::kJwks;
  if (path.size() == 3 && path[0] == "api" && path[1] == "v1" && path[2] == "users") return Route::kUsers;
  if (path.size() == 3 && path[0] == "api" && path[1] == "v1" && path[2] == "openapi.json")
    return Route::kOpenApi;
  if (path.size() == 3 && path[0] == "api" && path[1] == "v1" && path[2] == "snapshots")
    return Route::kSnapshots;
  if (path.size() >= 3 && path[0] == "api" && path[1] == "v1") {
    const Route table = table_route(path);
    if (table != Route::kNone) return table;
  }
  if (path.size() < 4 || path[0] != "api" || path[1] != "v1") return Route::kNone;
  if (path[2] == "cluster") return cluster_route(path);
  if (path[2] == "admin") return admin_route(path);
  if (path[2] == "auth") return auth_route(path);
  if (path[2] == "users" && path.size() == 4) return Route::kUser;
  // No snapshot has that name.
  if (path[2] == "snapshots" && path.size() == 4)
    return path[3] == "restore" ? Route::kRestore : Route::kSnapshot;
  if (path[2] == "backup" && path.size() == 4) return backup_route(path[3]);
  if (path[2] == "keys" && path.size() == 4 && path[3] == "rotate") return Route::kRotateKeys;
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

bool is_of_accounts(Route route) { return route >= Route::kJwks && route <= Route::kRotateKeys; }

bool is_of_tables(Route route) { return route >= Route::kSites && route <= Route::kAudit; }

bool wants_latest(Route route) {
  return route == Route::kInitAdmin || route == Route::kLogin || route == Route::kChangePassword ||
         route == Route::kSessions || route == Route::kUsers || route == Route::kUser;
}

bool is_read(http::Method method) { return method == http::Method::kGet || method == http::Method::kHead; }

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
