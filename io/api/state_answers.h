// From what the core answered to an HTTP response.
#pragma once

#include "core/requests/request.h"
#include "io/api/problem.h"
#include "io/api/state_requests.h"

namespace patronus::api {

[[nodiscard]] http::Response write_response(const Asked& asked, const WriteResult& result,
                                            const Origin& origin);
[[nodiscard]] http::Response read_response(const Asked& asked, const ReadResult& result,
                                           const Origin& origin);

// RFC 3339 in UTC, with milliseconds.
[[nodiscard]] std::string rfc3339(int64_t unix_ms);

}  // namespace patronus::api
