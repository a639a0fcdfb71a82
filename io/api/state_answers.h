// From what the core answered to an HTTP response.
#pragma once

#include "core/requests/request.h"
#include "io/api/problem.h"
#include "io/api/state_requests.h"

namespace patronus::api {

[[nodiscard]] http::Response write_response(const Asked& asked, const WriteResult& result,
                                            const Origin& origin);
// A stale read says how stale it may be in X-Patronus-Staleness-Ms, if this node knows.
[[nodiscard]] http::Response read_response(const Asked& asked, const ReadResult& result,
                                           const Origin& origin);

void note_staleness(const ReadResult& result, http::Response& response);

// JSON that no cache may keep.
[[nodiscard]] http::Response private_json(int status, std::string body);

// The entity tag of what was last changed at a revision.
[[nodiscard]] std::string etag(Index revision);

// What any write may fail with, in words.
[[nodiscard]] Problem write_problem(const WriteResult& result);

// RFC 3339 in UTC, with milliseconds.
[[nodiscard]] std::string rfc3339(int64_t unix_ms);

}  // namespace patronus::api
