// Health and cluster status: answered at once from what the node knows, with or without a leader.
#pragma once

#include "core/node.h"
#include "io/api/problem.h"
#include "io/api/router.h"

namespace patronus::api {

// `route` is one of the health routes, the cluster's nodes or its status, of which only those who are logged
// in are told all (`in_full`).
[[nodiscard]] http::Response status_response(Route route, const http::Request& request, const Status& status,
                                             const std::string& version, const Origin& origin, bool in_full);

}  // namespace patronus::api
