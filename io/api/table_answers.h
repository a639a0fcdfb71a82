// What the dashboard shows, as JSON.
#pragma once

#include "core/requests/request.h"
#include "core/state/tables.h"
#include "io/api/problem.h"
#include "io/api/state_requests.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// Of a read that understand_table() let through, by the tables as they are when it may be answered.
[[nodiscard]] http::Response table_response(Route route, const http::Request& request, const Tables& tables,
                                            const ReadResult& result, const Origin& origin);
// 201 for what was made, 200 for what was changed, both with the whole of it; 204 for what is gone.
[[nodiscard]] http::Response table_write_response(const Asked& asked, const WriteResult& result,
                                                  const Tables& tables, const Origin& origin);

}  // namespace patronus::api
