// What operators do to the cluster: another leader is wanted, a node is drained.
#pragma once

#include <string>
#include <variant>

#include "core/requests/request.h"
#include "io/api/access.h"
#include "io/api/problem.h"
#include "io/api/state_requests.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// POST /admin/force-election {target?}.
[[nodiscard]] std::variant<Understood, Problem> understand_force_election(const http::Request& request,
                                                                          const Caller& caller);
[[nodiscard]] http::Response force_election_response(const Asked& asked, const TransferResult& result,
                                                     const Origin& origin);

// POST /admin/drain and /admin/undrain: nothing if the request may be carried out.
[[nodiscard]] std::optional<Problem> refuse_drain(const http::Request& request);
[[nodiscard]] http::Response drain_response(const std::string& node, bool draining);
// The node is on its way out by SIGTERM: it can't be called back.
[[nodiscard]] Problem is_stopping();

}  // namespace patronus::api
