#include "io/api/access.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/auth/bearer.h"
#include "io/auth/jwt.h"

namespace patronus::api {

std::string_view role_text(UserRole role) {
  switch (role) {
    case UserRole::kViewer:
      return "viewer";
    case UserRole::kOperator:
      return "operator";
    case UserRole::kAdmin:
      return "admin";
  }
  return "viewer";
}

std::optional<UserRole> role_of(std::string_view text) {
  for (const UserRole role : {UserRole::kViewer, UserRole::kOperator, UserRole::kAdmin}) {
    if (role_text(role) == text) return role;
  }
  return std::nullopt;
}

Problem Access::cannot_vouch() {
  return {503,  "cannot_vouch", "this node has not heard from a quorum for too long to judge a session",
          true, false,          {}};
}

bool Access::may_still_verify(const SigningKey& key, int64_t wall_ms) {
  if (key.retired_wall_ms == 0) return true;
  return wall_ms - key.retired_wall_ms <= in_ms(2 * limits::kAccessTokenLife);
}

Problem Access::unauthorized(std::string detail) {
  return {401, "unauthorized", std::move(detail), false, false, {}};
}

std::variant<const auth::Claims*, Problem> Access::verified(std::string_view token) {
  // What a key signed is looked at anew once it is replaced.
  const SigningKey* active = node_.store().accounts().active_key();
  if (active != nullptr && active->id != active_key_) {
    cache_.forget_kid(active_key_);
    active_key_ = active->id;
  }
  if (const auth::Claims* claims = cache_.find(token)) return claims;
  std::variant<auth::ParsedToken, std::string> parsed = auth::parse_token(token);
  if (auto* reason = std::get_if<std::string>(&parsed)) return unauthorized(std::move(*reason));
  const auto& one = std::get<auth::ParsedToken>(parsed);
  // A node that belongs to no cluster can't say whose a token is.
  const ClusterId& cluster = node_.raft().hard_state().cluster_id;
  if (!cluster) return cannot_vouch();
  // Sessions outlive a cluster that was lost, in the one that goes on from it.
  const std::deque<ClusterId>& former = node_.store().members().former();
  const bool is_known = one.claims.iss == cluster.hex() ||
                        std::any_of(former.begin(), former.end(),
                                    [&](const ClusterId& lost) { return one.claims.iss == lost.hex(); });
  if (!is_known) return unauthorized("the token is another cluster's; log in");
  const SigningKey* key = node_.store().accounts().key(one.kid);
  if (key == nullptr) {
    // A key that was made a moment ago may not have come here yet. Whether that is so nobody has vouched for,
    // so the request is sent away rather than kept waiting.
    if (Index{static_cast<uint64_t>(one.claims.rev)} > node_.store().applied()) return cannot_vouch();
    return unauthorized("the token is signed with a key that is not in use; log in again");
  }
  if (!auth::verify_token(one, key->public_key, crypto_))
    return unauthorized("the token's signature is wrong");
  // Nodes may have signed with the former key until they heard of the new one, and no longer: a key that was
  // stolen, and replaced for that, must not go on making tokens.
  const int64_t last_exp_ms =
      key->retired_wall_ms + in_ms(limits::kAccessTokenLife) + in_ms(2 * node_.raft().election_timeout());
  if (key->retired_wall_ms != 0 && one.claims.exp * 1000 > last_exp_ms)
    return unauthorized("the token is signed with a key that was replaced before; log in again");
  cache_.put(token, one.kid, one.claims);
  return cache_.find(token);
}

std::variant<Nobody, Caller, NotYet, Problem> Access::identify(const http::Request& request, Now now,
                                                               bool stale_will_do) {
  const std::string* header = request.header("authorization");
  if (header == nullptr) return Nobody{};
  const bool twice = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const http::Header& one) { return one.name == "authorization"; }) > 1;
  if (twice) return Problem{400, "bad_header", "Authorization is given twice", false, false, {}};
  const std::variant<auth::BearerToken, std::string> bearer = auth::read_bearer(*header);
  if (const auto* reason = std::get_if<std::string>(&bearer)) return unauthorized(*reason);
  // Keys and sessions come from the state, so nothing can be said of a token without knowing the state.
  if (!stale_will_do && !node_.vouches(now)) return cannot_vouch();
  const std::variant<const auth::Claims*, Problem> token = verified(std::get<auth::BearerToken>(bearer).text);
  if (const auto* problem = std::get_if<Problem>(&token)) return *problem;
  const auth::Claims& claims = *std::get<const auth::Claims*>(token);
  if (auth::has_expired(claims, WallTime{node_.cluster_stamp(now).wall_ms}))
    return unauthorized("the token has expired; refresh it");
  const Index needs{static_cast<uint64_t>(claims.rev)};
  if (needs > node_.store().applied()) return NotYet{needs};
  const Session* session = node_.store().accounts().session(claims.sid);
  const User* user = session == nullptr ? nullptr : node_.store().accounts().user(session->user_id);
  const bool over = session != nullptr && session->expires_wall_ms <= node_.cluster_stamp(now).wall_ms;
  if (user == nullptr || user->disabled || user->id != claims.sub || over)
    return unauthorized("the session has ended; log in again");
  return Caller{user->id, session->id, user->role};
}

std::optional<Problem> Access::obstacle(Need need, const Caller* caller) {
  if (need == Need::kNobody) return std::nullopt;
  if (caller == nullptr) return unauthorized("this needs a token: Authorization: Bearer <access_token>");
  const UserRole role = need == Need::kAdmin      ? UserRole::kAdmin
                        : need == Need::kOperator ? UserRole::kOperator
                                                  : UserRole::kViewer;
  if (caller->role >= role) return std::nullopt;
  return Problem{403,
                 "forbidden",
                 "this needs the role " + std::string(role_text(role)) + "; you have " +
                     std::string(role_text(caller->role)),
                 false,
                 false,
                 {}};
}

}  // namespace patronus::api
