// Who belongs to the cluster, as administrators change it. What is wanted is written down; the leader then
// takes the cluster there (core/raft/membership.h), and `GET /cluster/nodes` shows how far it is.
#pragma once

#include <variant>

#include "core/requests/request.h"
#include "io/api/access.h"
#include "io/api/problem.h"
#include "io/api/state_requests.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// POST /cluster/nodes {id, address}: a node that is expected, at the address where its peers reach it.
[[nodiscard]] std::variant<Understood, Problem> understand_add_node(const http::Request& request,
                                                                    const Caller& caller);
// DELETE /cluster/nodes/{id}, with ?force=1 although others are to leave as well, and those that stay then
// would be no majority; never if the cluster could not serve at once.
[[nodiscard]] std::variant<Understood, Problem> understand_remove_node(const http::Request& request,
                                                                       const Caller& caller);

// POST /admin/reinit/{id}: the node begins with nothing, to be given everything by the others. 409 if it
// leads, or if those who are left while it does so would be no majority.
[[nodiscard]] std::variant<Understood, Problem> understand_reinit(const http::Request& request,
                                                                  const Caller& caller);

// 202 for a node that is added or begins anew, 200 for one that is removed.
[[nodiscard]] http::Response node_change_response(const Asked& asked, const WriteResult& result,
                                                  const Origin& origin);

}  // namespace patronus::api
