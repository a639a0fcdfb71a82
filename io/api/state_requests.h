// From HTTP requests on replicated state to what the core is asked.
#pragma once

#include <variant>

#include "core/requests/request.h"
#include "io/api/access.h"
#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

// What must be remembered of a request to word its answer.
struct Asked {
  Route route = Route::kNone;
  http::Method method = http::Method::kGet;
  bool meta = false;  // GET: as JSON with the numbers
  bool keys_only = false;
  std::string key;                    // or the node that is meant
  std::string if_none_match;          // GET: answer 304 if it is still this
  std::vector<std::string> compares;  // of a batch: each comparison in words
};

using CoreRequest = std::variant<ClientWrite, ClientRead, ClientTransfer>;
struct Understood {
  CoreRequest request;  // its id and deadline are the caller's to fill in
  Asked asked;
};

// `route` is one of the state routes, the history, a change of nodes or the forced election, and allows the
// request's method; the caller has the role.
[[nodiscard]] std::variant<Understood, Problem> understand(Route route, const http::Request& request,
                                                           const Caller& caller);

// consistency and min_revision, which all reads take; false: the problem says what is wrong.
[[nodiscard]] bool read_conditions(const http::Request& request, ClientRead& read, Problem& problem);

// How many items a list shall have at most; nothing: what was asked for is no such number, as is_page() says.
[[nodiscard]] std::optional<size_t> page_limit(const http::Request& request);
[[nodiscard]] bool is_page(const http::Request& request, Problem& problem);

// If-Match: "<mod_revision>", If-None-Match: * (RFC 9110, section 13.1).
[[nodiscard]] bool write_conditions(const http::Request& request, Expected& expected, Problem& problem);

// The write's Idempotency-Key, if it has one, in this user's scope; false: the problem says what is wrong.
[[nodiscard]] bool idempotency(const http::Request& request, const std::string& user,
                               std::optional<IdempotencyKey>& out, Problem& problem);

// A parameter that is 1 or 0, absent: 0; nothing: the problem says what is wrong.
[[nodiscard]] std::optional<bool> flag(const http::Request& request, std::string_view name, Problem& problem);

// True if no parameter is outside this list; otherwise fills in the problem.
[[nodiscard]] bool only_parameters(const http::Request& request,
                                   std::initializer_list<std::string_view> known, Problem& problem);

}  // namespace patronus::api
