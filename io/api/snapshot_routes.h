// /api/v1/snapshots: snapshots that this node keeps, a new one, and the parts of one.
#pragma once

#include <variant>

#include "core/snapshot.h"
#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// A new one is wanted.
struct MakeSnapshot {};

// What is asked of the node's files; the ticket is the caller's to fill in.
[[nodiscard]] std::variant<MakeSnapshot, SnapshotQuery, Problem> understand_snapshots(
    Route route, const http::Request& request);
// 201 for a new one, 200 with the list, or with the bytes of a part and the whole's size in
// X-Patronus-Snapshot-Bytes.
[[nodiscard]] http::Response snapshot_response(Route route, http::Method method, SnapshotAnswer&& answer,
                                               const Origin& origin);

}  // namespace patronus::api
