// The first steps of requests on sessions: login and what follows from it.
#include "core/base/limits.h"
#include "io/api/account_desk.h"
#include "io/api/account_requests.h"
#include "io/api/state_requests.h"
#include "io/auth/cookies.h"
#include "io/auth/refresh_token.h"
#include "io/auth/setup_token.h"

namespace patronus::api {
namespace {

Problem login_failed() {
  return {401, "login_failed", "email address or password is wrong", false, false, {}};
}

Problem no_key() {
  return {503, "no_signing_key", "this node has no key to sign tokens with yet", true, false, {}};
}

// Email addresses have no line ends, so the two can't run into each other.
std::string pair_key(const AccountAsk& ask) { return ask.email + '\n' + ask.client.limit_key; }

// The refresh token of the request's cookies, if there is an authentic one.
std::optional<auth::RefreshToken> refresh_token_of(const http::Request& request, auth::Crypto& crypto) {
  for (const http::Header& header : request.headers) {
    if (header.name != "cookie") continue;
    if (const auto value = auth::cookie_value(header.value, "patronus_refresh"))
      return auth::read_refresh_token(*value, crypto);
  }
  return std::nullopt;
}

}  // namespace

// Only failures count, so that many may log in from one address; what is being checked at once is bounded by
// the workers' queue.
std::optional<Problem> AccountDesk::too_many_failures(const AccountAsk& ask, Now now) const {
  const Duration wait = std::max(by_user_.retry_after(pair_key(ask), now.mono),
                                 by_address_.retry_after(ask.client.limit_key, now.mono));
  if (wait <= Duration{0}) return std::nullopt;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  Problem problem{429,
                  "too_many_failures",
                  "too many failed attempts; try again in " + std::to_string(seconds) + " s",
                  true,
                  false,
                  {}};
  problem.retry_after_seconds = seconds;
  return problem;
}

void AccountDesk::count_failure(const AccountAsk& ask, Now now) {
  (void)by_user_.take(pair_key(ask), now.mono);
  (void)by_address_.take(ask.client.limit_key, now.mono);
}

Step AccountDesk::begin_login(AccountAsk& ask, const http::Request& request, Now now) {
  std::variant<LoginBody, Problem> body = read_login(request);
  if (const auto* wrong = std::get_if<Problem>(&body)) return refuse(ask, *wrong);
  auto& login = std::get<LoginBody>(body);
  // What a node that is cut off knows of users may be wrong by now.
  if (!node_.vouches(now)) return refuse(ask, Access::cannot_vouch());
  if (keys_.signer(accounts()) == nullptr) return refuse(ask, no_key());
  ask.email = std::move(login.email);
  if (const auto problem = too_many_failures(ask, now)) return refuse(ask, *problem);
  const User* user = accounts().user_by_email(ask.email);
  if (user != nullptr) {
    ask.user_id = user->id;
    ask.password_version = user->password_version;
  }
  // Without a user the same work is done for nothing, so that time tells nobody which addresses exist.
  return PasswordStep{auth::PasswordTask::kVerify, std::move(login.password),
                      user == nullptr ? std::string() : user->password};
}

Step AccountDesk::begin_init(AccountAsk& ask, const http::Request& request, Now now) {
  std::variant<InitAdminBody, Problem> body = read_init_admin(request);
  if (const auto* wrong = std::get_if<Problem>(&body)) return refuse(ask, *wrong);
  if (!node_.vouches(now)) return refuse(ask, Access::cannot_vouch());
  WriteResult done;
  done.outcome = Outcome::kInitDone;
  if (accounts().user_count() > 0) return refuse(ask, account_problem(done));
  ask.email = std::move(std::get<InitAdminBody>(body).email);
  ask.name = std::move(std::get<InitAdminBody>(body).name);
  if (const auto problem = too_many_failures(ask, now)) return refuse(ask, *problem);
  const std::string* header = request.header("authorization");
  constexpr std::string_view kScheme = "Setup ";
  const bool right =
      header != nullptr && header->starts_with(kScheme) &&
      auth::is_setup_token(std::string_view(*header).substr(kScheme.size()), cluster_bytes(), crypto_);
  if (!right) {
    count_failure(ask, now);
    return refuse(
        ask, Access::unauthorized("this needs the setup token that the nodes print while there is no user: "
                                  "Authorization: Setup <token>"));
  }
  return PasswordStep{auth::PasswordTask::kHash, std::move(std::get<InitAdminBody>(body).password), {}};
}

// Whether the generation is the session's is decided in the log, where no two can both be right.
Step AccountDesk::begin_refresh(AccountAsk& ask, const http::Request& request, Now now) {
  if (const auto problem = no_body(request)) return refuse(ask, *problem);
  if (keys_.signer(accounts()) == nullptr) return refuse(ask, no_key());
  const std::optional<auth::RefreshToken> token = refresh_token_of(request, crypto_);
  if (!token) return refuse(ask, Access::unauthorized("there is no valid refresh cookie; log in"));
  const int64_t presented =
      presented_lease_ms(accounts().session(token->sid), token->generation,
                         node_.store().base().stamp.lease_ms, node_.cluster_stamp(now).lease_ms);
  return write_of(ask, RefreshSessionOp{token->sid, token->generation, presented}, UserRole::kViewer);
}

Step AccountDesk::begin_logout(AccountAsk& ask, const http::Request& request) {
  if (const auto problem = no_body(request)) return refuse(ask, *problem);
  if (ask.caller) {
    EndSessionsOp op{ask.caller->user, ask.caller->session, ""};
    ask.caller.reset();  // a session may always end itself, whatever became of its user
    return write_of(ask, std::move(op), UserRole::kViewer);
  }
  const std::optional<auth::RefreshToken> token = refresh_token_of(request, crypto_);
  if (!token && ask.unknown) return refuse(ask, *ask.unknown);
  if (!token) return refuse(ask, Access::unauthorized("there is neither a token nor a refresh cookie"));
  return write_of(ask, EndSessionsOp{"", token->sid, ""}, UserRole::kViewer);
}

Step AccountDesk::begin_change_password(AccountAsk& ask, const http::Request& request, Now now) {
  const User* user = accounts().user(ask.caller->user);
  std::variant<ChangePasswordBody, Problem> body = read_change_password(request, user->email);
  if (const auto* wrong = std::get_if<Problem>(&body)) return refuse(ask, *wrong);
  auto& change = std::get<ChangePasswordBody>(body);
  ask.email = user->email;
  ask.user_id = user->id;
  ask.password_version = user->password_version;
  if (const auto problem = too_many_failures(ask, now)) return refuse(ask, *problem);
  ask.new_password = std::move(change.new_password);
  Problem problem;
  if (!take_key(ask, request, problem)) return refuse(ask, problem);
  // Done before, under this key: the current password is another one by now.
  if (ask.idempotency) {
    if (const std::optional<WriteResult> kept = node_.store().kept_answer(*ask.idempotency))
      return write_done(ask, *kept, now);
  }
  return PasswordStep{auth::PasswordTask::kVerify, std::move(change.current_password), user->password};
}

Step AccountDesk::verified(AccountAsk& ask, bool matches, Now now) {
  if (ask.route == Route::kChangePassword) {
    if (matches) return PasswordStep{auth::PasswordTask::kHash, std::move(ask.new_password), {}};
    count_failure(ask, now);
    return refuse(ask, {422, "wrong_password", "the current password is wrong", false, false, {}});
  }
  const User* user = accounts().user(ask.user_id);
  if (!matches || user == nullptr || user->disabled) {
    count_failure(ask, now);
    return refuse(ask, login_failed());
  }
  return write_of(ask,
                  OpenSessionOp{auth::new_id(crypto_), ask.user_id, ask.password_version,
                                in_ms(settings_.session_idle), in_ms(settings_.session_life),
                                ask.client.address.substr(0, limits::kSessionAddressBytesMax), ask.agent},
                  UserRole::kViewer);
}

Step AccountDesk::begin_sessions(AccountAsk& ask, const http::Request& request) {
  Problem problem;
  const Caller& caller = *ask.caller;
  if (ask.route == Route::kSession) {
    // An administrator may end anyone's session.
    const std::string owner = caller.role == UserRole::kAdmin ? std::string() : caller.user;
    if (!take_key(ask, request, problem)) return refuse(ask, problem);
    return write_of(ask, EndSessionsOp{owner, request.segments[4], ""}, caller.role);
  }
  if (is_read(request.method)) return sessions_response(accounts().sessions_of(caller.user), caller.session);
  if (!only_parameters(request, {"others"}, problem)) return refuse(ask, problem);
  const std::string* others = request.param("others");
  if (others == nullptr || *others != "1") {
    return refuse(
        ask, {400, "bad_parameter", "ends all other sessions: DELETE …/sessions?others=1", false, false, {}});
  }
  if (!take_key(ask, request, problem)) return refuse(ask, problem);
  return write_of(ask, EndSessionsOp{caller.user, "", caller.session}, UserRole::kViewer);
}

}  // namespace patronus::api
