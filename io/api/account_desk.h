// Requests on accounts and sessions, from the request to the answer. Most take several steps: a password is
// hashed elsewhere, a write goes through the log. Between them the asker keeps an AccountAsk and comes back
// with what became of the step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/node.h"
#include "io/api/access.h"
#include "io/api/account_answers.h"
#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/auth/crypto.h"
#include "io/auth/key_ring.h"
#include "io/auth/password_job.h"
#include "io/auth/rate_limiter.h"
#include "io/auth/remote.h"
#include "io/ports.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

struct AccountSettings {
  Duration session_idle = std::chrono::hours(2);
  Duration session_life = std::chrono::hours(7 * 24);
  auth::TrustedProxies proxies;
};

// What is remembered of a request between its steps.
struct AccountAsk {
  Route route = Route::kNone;
  http::Method method = http::Method::kGet;
  Origin origin;
  std::optional<Caller> caller;
  std::optional<Problem> unknown;  // what was wrong with the token that came along
  auth::Client client;
  bool secure = false;  // came by HTTPS, so cookies go by HTTPS alone
  std::string agent;
  std::string target_id;  // of the user or session in the path
  std::string email;
  std::string name;
  UserRole role = UserRole::kViewer;
  std::string user_id;            // of the user whose password is verified
  uint64_t password_version = 0;  // that is verified
  std::string new_password;       // to be hashed next
  UpdateUserOp changes;
  std::optional<IdempotencyKey> idempotency;
};

struct PasswordStep {
  auth::PasswordTask task = auth::PasswordTask::kVerify;
  std::string password;
  std::string stored;
};
// The answer, a write for the core (its id and deadline are the asker's to fill in), or a password.
using Step = std::variant<http::Response, ClientWrite, PasswordStep>;

class AccountDesk {
 public:
  AccountDesk(const Node& node, auth::Crypto& crypto, AccountSettings settings);

  // `ask` has route, method, origin, caller, secure; the route's need is met.
  [[nodiscard]] Step begin(AccountAsk& ask, const http::Request& request, const Remote& remote, Now now);
  [[nodiscard]] Step password_done(AccountAsk& ask, auth::PasswordDone&& done, Now now);
  [[nodiscard]] http::Response write_done(AccountAsk& ask, const WriteResult& result, Now now);

  // What a leader must write by itself: the first signing key.
  [[nodiscard]] std::optional<AddSigningKeyOp> missing_key();
  // Why this node can't sign tokens, though the cluster has a key.
  [[nodiscard]] bool keys_are_locked() { return keys_.is_locked(accounts()); }
  // The token for the first administrator, while there is no user and the cluster is founded.
  [[nodiscard]] std::optional<std::string> setup_token();

 private:
  const Accounts& accounts() const { return node_.store().accounts(); }
  Step begin_login(AccountAsk& ask, const http::Request& request, Now now);
  Step begin_init(AccountAsk& ask, const http::Request& request, Now now);
  Step begin_refresh(AccountAsk& ask, const http::Request& request, Now now);
  Step begin_logout(AccountAsk& ask, const http::Request& request);
  Step begin_change_password(AccountAsk& ask, const http::Request& request, Now now);
  Step begin_sessions(AccountAsk& ask, const http::Request& request);
  Step begin_users(AccountAsk& ask, const http::Request& request);
  Step begin_user(AccountAsk& ask, const http::Request& request);
  Step verified(AccountAsk& ask, bool matches, Now now);
  Step hashed(AccountAsk& ask, std::string&& stored);

  Step refuse(const AccountAsk& ask, const Problem& problem) const;
  std::optional<Problem> too_many_failures(const AccountAsk& ask, Now now) const;
  void count_failure(const AccountAsk& ask, Now now);
  // Reads Idempotency-Key, for a caller that is known. False: the problem says why not.
  bool take_key(AccountAsk& ask, const http::Request& request, Problem& problem) const;
  ClientWrite write_of(const AccountAsk& ask, AccountOp op, UserRole role) const;
  http::Response with_tokens(const AccountAsk& ask, const std::string& session_id, uint64_t generation,
                             Now now);
  void set_refresh_cookie(http::Response& response, const AccountAsk& ask, const std::string& value,
                          Duration life) const;
  std::string cluster_bytes() const;

  const Node& node_;
  auth::Crypto& crypto_;
  AccountSettings settings_;
  auth::KeyRing keys_;
  auth::RateLimiter by_user_;
  auth::RateLimiter by_address_;
};

}  // namespace patronus::api
