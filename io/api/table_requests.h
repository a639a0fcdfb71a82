// What the dashboard shows, as it is asked for and changed: sites, paths, policies, the summary, the audit
// log.
#pragma once

#include <string>
#include <variant>

#include "io/api/access.h"
#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/api/state_requests.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// `route` is one of the tables' and allows the request's method; the caller has the role. `fresh_id` is for
// what is made. A read is answered by table_response(), a write by table_write_response().
[[nodiscard]] std::variant<Understood, Problem> understand_table(Route route, const http::Request& request,
                                                                 const Caller& caller, std::string fresh_id);

// A page of a list: how many, and after which. Only what understand_table() has let through.
struct PageWanted {
  size_t limit = 0;
  std::string after;  // empty: from the beginning
};
[[nodiscard]] PageWanted page_wanted(const http::Request& request);

}  // namespace patronus::api
