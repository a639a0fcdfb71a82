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
  kClusterStatus,
  kClusterHistory,
  kStateKey,
  kStateList,
  kStateBatch,
  kNone,
};

struct RouteInfo {
  std::string_view path;     // the template, for metrics and messages; never what a client sent
  std::string_view methods;  // as an Allow header says it
};

[[nodiscard]] const RouteInfo& info(Route route);

// The route of a path; kNone if there is none. A key may contain escaped slashes: it is one segment.
[[nodiscard]] Route route_of(const http::Request& request);
[[nodiscard]] bool allows(Route route, std::string_view method);

}  // namespace patronus::api
