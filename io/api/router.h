// Which route a request is for.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/protocol/http/message.h"

namespace patronus::api {

enum class Route : uint8_t {
  kHealth,
  kLive,
  kReady,
  kLeader,
  kMetrics,
  kRevocations,
  kClusterStatus,
  kClusterHistory,
  kClusterNodes,
  kClusterNode,
  kForceElection,
  kDrain,
  kUndrain,
  kReinit,
  kRecovery,
  kSnapshots,
  kSnapshot,
  kRestore,
  kBackupStatus,
  kBackupNow,
  kBackupVerify,
  kOpenApi,
  kStateKey,
  kStateList,
  kStateBatch,
  kJwks,
  kInitAdmin,
  kLogin,
  kRefresh,
  kLogout,
  kMe,
  kChangePassword,
  kSessions,
  kSession,
  kUsers,
  kUser,
  kRotateKeys,
  kSites,
  kSite,
  kProbeKey,
  kPaths,
  kPath,
  kPathMetrics,
  kPolicies,
  kPolicy,
  kSummary,
  kAudit,
  kNone,
};

// Who may use a route. A viewer is anyone who is logged in.
enum class Need : uint8_t { kNobody, kViewer, kOperator, kAdmin };

struct RouteInfo {
  std::string_view path;     // the template, for metrics and messages; never what a client sent
  std::string_view methods;  // as an Allow header says it
  Need to_read = Need::kNobody;
  Need to_write = Need::kNobody;
};

[[nodiscard]] const RouteInfo& info(Route route);

// The route of a path; kNone if there is none. A key may contain escaped slashes: it is one segment.
[[nodiscard]] Route route_of(const http::Request& request);
[[nodiscard]] bool allows(Route route, std::string_view method);
// True for routes of accounts and sessions (account_desk.h).
[[nodiscard]] bool is_of_accounts(Route route);
// True for what the dashboard shows (table_requests.h).
[[nodiscard]] bool is_of_tables(Route route);
// True if what is asked for is judged by users or sessions as they are now, on whichever node they were
// changed.
[[nodiscard]] bool wants_latest(Route route);
// True for GET and HEAD.
[[nodiscard]] bool is_read(http::Method method);

}  // namespace patronus::api
