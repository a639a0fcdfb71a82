// /api/v1/admin/recovery: what a node that has lost its cluster's majority for good can save, and the word by
// which it goes on alone. Whoever asks shows a token that follows from the cluster secret.
#pragma once

#include <optional>

#include "core/node.h"
#include "io/api/problem.h"
#include "io/auth/crypto.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// Why the request is refused: the token; or of a POST also that the cluster is not lost, or that the node no
// longer holds what the body says it does.
[[nodiscard]] std::optional<Problem> refuse_recovery(const http::Request& request, const NodeId& self,
                                                     const Node::Remains& remains, auth::Crypto& crypto);
// 200 with what there is; 202 once it has `begun`.
[[nodiscard]] http::Response recovery_response(const NodeId& self, const Node::Remains& remains, bool begun);

}  // namespace patronus::api
