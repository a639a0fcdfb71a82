// Users and sessions as JSON.
#pragma once

#include <string>
#include <vector>

#include "core/state/accounts.h"
#include "io/api/problem.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

[[nodiscard]] http::Response user_response(int status, const User& user);
[[nodiscard]] http::Response me_response(const User& user, const Session& session);
// `more`: there are users after these.
[[nodiscard]] http::Response users_response(const std::vector<const User*>& users, bool more);
// Those of one user; `own` is the one that asks.
[[nodiscard]] http::Response sessions_response(const std::vector<const Session*>& sessions,
                                               std::string_view own);
[[nodiscard]] http::Response ended_response(uint64_t ended);

struct Tokens {
  std::string access_token;
  int64_t expires_in_seconds = 0;
};
// The user, the tokens and the session's id, as login and refresh answer.
[[nodiscard]] http::Response tokens_response(const User& user, const Session& session, const Tokens& tokens);

// A failed account write in words.
[[nodiscard]] Problem account_problem(const WriteResult& result);

}  // namespace patronus::api
