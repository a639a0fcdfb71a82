// Who asks, and whether that one may. A token says which session it belongs to; whether the session stands
// and what its user may do is looked up in this node's state, if that is fresh enough to say (design, section
// 7).
#pragma once

#include <string>
#include <variant>

#include "core/node.h"
#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/auth/crypto.h"
#include "io/auth/token_cache.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

struct Caller {
  std::string user;
  std::string session;
  UserRole role = UserRole::kViewer;
};

// Nobody: no token was sent. NotYet: this node must first have applied so much of the state.
struct Nobody {};
struct NotYet {
  Index revision;
};

class Access {
 public:
  Access(const Node& node, auth::Crypto& crypto) : node_(node), crypto_(crypto) {}

  // Whose token the request carries. `stale_will_do`: what is asked for helps to find out why this node can't
  // vouch for anything, so what it last knew of the session is good enough.
  [[nodiscard]] std::variant<Nobody, Caller, NotYet, Problem> identify(const http::Request& request, Now now,
                                                                       bool stale_will_do);
  // What keeps the caller from the route, if anything does.
  [[nodiscard]] static std::optional<Problem> obstacle(Need need, const Caller* caller);
  // Whether a token that is still good may be signed with this key: one that was replaced can't have signed
  // anything that is.
  [[nodiscard]] static bool may_still_verify(const SigningKey& key, int64_t wall_ms);
  // A node whose knowledge is too old says so, and never that a token is wrong.
  [[nodiscard]] static Problem cannot_vouch();
  [[nodiscard]] static Problem unauthorized(std::string detail);

 private:
  [[nodiscard]] std::variant<const auth::Claims*, Problem> verified(std::string_view token);

  const Node& node_;
  auth::Crypto& crypto_;
  auth::TokenCache cache_;
  std::string active_key_;  // when the cache was last filled
};

[[nodiscard]] std::string_view role_text(UserRole role);
[[nodiscard]] std::optional<UserRole> role_of(std::string_view text);

}  // namespace patronus::api
