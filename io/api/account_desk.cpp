#include "io/api/account_desk.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "io/api/account_requests.h"
#include "io/api/state_answers.h"
#include "io/api/state_requests.h"
#include "io/auth/cookies.h"
#include "io/auth/jwt.h"
#include "io/auth/refresh_token.h"
#include "io/auth/setup_token.h"

namespace patronus::api {
namespace {

constexpr int64_t kTokenSeconds =
    std::chrono::duration_cast<std::chrono::seconds>(limits::kAccessTokenLife).count();

// Text that a client sent about itself, cut to size and without what could disturb a reader.
std::string tame(const std::string* text, size_t bytes_max) {
  std::string tamed;
  if (text == nullptr) return tamed;
  for (const char c : *text) {
    if (tamed.size() == bytes_max) break;
    if (c >= 0x20 && c < 0x7f) tamed += c;
  }
  return tamed;
}

}  // namespace

AccountDesk::AccountDesk(const Node& node, auth::Crypto& crypto, AccountSettings settings)
    : node_(node),
      crypto_(crypto),
      settings_(std::move(settings)),
      keys_(crypto),
      by_user_({limits::kLoginFailuresPerUser, limits::kLoginFailurePerUserRefill}),
      by_address_({limits::kLoginFailuresPerAddress, limits::kLoginFailurePerAddressRefill}) {}

Step AccountDesk::begin(AccountAsk& ask, const http::Request& request, const Remote& remote, Now now) {
  std::vector<std::string_view> forwarded;
  for (const http::Header& header : request.headers) {
    if (header.name == "x-forwarded-for") forwarded.emplace_back(header.value);
  }
  ask.client = auth::client_of(remote.ip, forwarded, settings_.proxies);
  ask.agent = tame(request.header("user-agent"), limits::kSessionAgentBytesMax);
  switch (ask.route) {
    case Route::kJwks: {
      std::vector<auth::VerificationKey> keys;
      const int64_t wall_ms = node_.cluster_stamp(now).wall_ms;
      for (const SigningKey& key : accounts().keys()) {
        if (Access::may_still_verify(key, wall_ms)) keys.push_back({key.id, key.public_key});
      }
      http::Response response;
      response.headers.push_back({"Content-Type", "application/jwk-set+json"});
      response.headers.push_back({"Cache-Control", "public, max-age=60"});
      response.body = auth::jwks(keys);
      return response;
    }
    case Route::kInitAdmin:
      return begin_init(ask, request, now);
    case Route::kLogin:
      return begin_login(ask, request, now);
    case Route::kRefresh:
      return begin_refresh(ask, request, now);
    case Route::kLogout:
      return begin_logout(ask, request);
    case Route::kMe:
      return me_response(*accounts().user(ask.caller->user), *accounts().session(ask.caller->session));
    case Route::kChangePassword:
      return begin_change_password(ask, request, now);
    case Route::kSessions:
    case Route::kSession:
      return begin_sessions(ask, request);
    case Route::kUsers:
      return begin_users(ask, request);
    case Route::kUser:
      return begin_user(ask, request);
    default:
      break;
  }
  if (const auto problem = no_body(request)) return refuse(ask, *problem);
  Problem problem;
  if (!take_key(ask, request, problem)) return refuse(ask, problem);
  return write_of(ask, keys_.make_key(accounts()), UserRole::kAdmin);
}

Step AccountDesk::refuse(const AccountAsk& ask, const Problem& problem) const {
  return problem_response(problem, ask.origin);
}

// The hash that tells another request under the same key goes into the log, and these requests hold
// passwords: without the cluster's secret it must not help anyone to guess them.
bool AccountDesk::take_key(AccountAsk& ask, const http::Request& request, Problem& problem) const {
  if (!idempotency(request, ask.caller->user, ask.idempotency, problem)) return false;
  if (!ask.idempotency) return true;
  std::string told = request.method_name + ' ' + request.target + '\n';
  for (const std::string_view name : {"if-match", "if-none-match"}) {
    const std::string* value = request.header(name);
    told += value == nullptr ? "\n" : *value + '\n';
  }
  const std::string mac = crypto_.mac("idempotency", told + request.body);
  ask.idempotency->body_hash = Reader(mac).u64();
  return true;
}

ClientWrite AccountDesk::write_of(const AccountAsk& ask, AccountOp op, UserRole role) const {
  ClientWrite write;
  write.op = std::move(op);
  write.idempotency = ask.idempotency;
  if (ask.caller) write.authority = Authority{ask.caller->session, ask.caller->user, role};
  return write;
}

Step AccountDesk::begin_users(AccountAsk& ask, const http::Request& request) {
  Problem problem;
  if (is_read(request.method)) {
    if (!only_parameters(request, {"cursor"}, problem)) return refuse(ask, problem);
    const std::string* cursor = request.param("cursor");
    std::vector<const User*> users =
        accounts().users_after(cursor == nullptr ? std::string() : *cursor, limits::kUsersPageMax + 1);
    const bool more = users.size() > limits::kUsersPageMax;
    if (more) users.pop_back();
    return users_response(users, more);
  }
  std::variant<NewUserBody, Problem> body = read_new_user(request);
  if (const auto* wrong = std::get_if<Problem>(&body)) return refuse(ask, *wrong);
  if (!take_key(ask, request, problem)) return refuse(ask, problem);
  auto& user = std::get<NewUserBody>(body);
  ask.email = std::move(user.email);
  ask.name = std::move(user.name);
  ask.role = user.role;
  return PasswordStep{auth::PasswordTask::kHash, std::move(user.password), {}};
}

Step AccountDesk::begin_user(AccountAsk& ask, const http::Request& request) {
  ask.target_id = request.segments[3];
  const User* user = accounts().user(ask.target_id);
  if (user == nullptr) return refuse(ask, {404, "not_found", "there is no such user", false, false, {}});
  if (is_read(request.method)) return user_response(200, *user);
  Problem problem;
  Expected expected;
  if (!write_conditions(request, expected, problem) || !take_key(ask, request, problem))
    return refuse(ask, problem);
  if (request.method == http::Method::kDelete)
    return write_of(ask, DeleteUserOp{ask.target_id, expected}, UserRole::kAdmin);
  std::variant<UserChangesBody, Problem> body = read_user_changes(request, user->email);
  if (const auto* wrong = std::get_if<Problem>(&body)) return refuse(ask, *wrong);
  auto& changes = std::get<UserChangesBody>(body);
  ask.changes = {ask.target_id, std::move(changes.email), std::move(changes.name),
                 changes.role,  changes.disabled,         std::nullopt,
                 expected};
  if (changes.password) return PasswordStep{auth::PasswordTask::kHash, std::move(*changes.password), {}};
  return write_of(ask, ask.changes, UserRole::kAdmin);
}

Step AccountDesk::password_done(AccountAsk& ask, auth::PasswordDone&& done, Now now) {
  if (done.outcome == auth::PasswordOutcome::kFailed)
    return refuse(ask, {503, "busy", "there was no memory to check a password", true, false, {}});
  if (!done.hash.empty()) return hashed(ask, std::move(done.hash));
  return verified(ask, done.outcome == auth::PasswordOutcome::kDone, now);
}

Step AccountDesk::hashed(AccountAsk& ask, std::string&& stored) {
  switch (ask.route) {
    case Route::kInitAdmin:
      return write_of(
          ask,
          CreateUserOp{auth::new_id(crypto_), ask.email, ask.name, UserRole::kAdmin, std::move(stored), true},
          UserRole::kAdmin);
    case Route::kUsers:
      return write_of(
          ask, CreateUserOp{auth::new_id(crypto_), ask.email, ask.name, ask.role, std::move(stored), false},
          UserRole::kAdmin);
    case Route::kUser:
      ask.changes.password = std::move(stored);
      return write_of(ask, ask.changes, UserRole::kAdmin);
    default:
      return write_of(
          ask, SetPasswordOp{ask.user_id, std::move(stored), ask.password_version, ask.caller->session},
          UserRole::kViewer);
  }
}

http::Response AccountDesk::write_done(AccountAsk& ask, const WriteResult& result, Now now) {
  const bool session_is_over =
      result.outcome == Outcome::kUnauthorized || result.outcome == Outcome::kTokenReused;
  if (ask.route == Route::kLogin && session_is_over) {
    // The password was changed, or the user disabled, while it was checked.
    return problem_response({401, "login_failed", "email address or password is wrong", false, false, {}},
                            ask.origin);
  }
  if (ask.route == Route::kRefresh && session_is_over) {
    http::Response response =
        problem_response(Access::unauthorized("the session has ended; log in again"), ask.origin);
    set_refresh_cookie(response, ask, "", Duration{0});
    return response;
  }
  const bool logged_out = ask.route == Route::kLogout && result.outcome == Outcome::kNotFound;
  if (result.outcome != Outcome::kOk && !logged_out)
    return problem_response(account_problem(result), ask.origin);
  switch (ask.route) {
    case Route::kLogin:
    case Route::kRefresh:
      return with_tokens(ask, result.id, result.number, now);
    case Route::kLogout: {
      http::Response response;
      response.status = 204;
      set_refresh_cookie(response, ask, "", Duration{0});
      return response;
    }
    case Route::kSessions:
    case Route::kChangePassword:
      return ended_response(result.number);
    case Route::kInitAdmin:
    case Route::kUsers:
    case Route::kUser: {
      const User* user = accounts().user(result.id);
      if (ask.method == http::Method::kDelete || user == nullptr) break;
      return user_response(ask.route == Route::kUser ? 200 : 201, *user);
    }
    default:
      break;
  }
  http::Response response;
  response.status = 204;
  return response;
}

std::optional<AddSigningKeyOp> AccountDesk::missing_key() {
  if (accounts().active_key() != nullptr) return std::nullopt;
  return keys_.make_key(accounts());
}

std::string AccountDesk::cluster_bytes() const {
  std::string bytes;
  Writer out(bytes);
  encode(out, node_.raft().hard_state().cluster_id);
  return bytes;
}

std::optional<std::string> AccountDesk::setup_token() {
  if (!node_.raft().hard_state().cluster_id || accounts().user_count() > 0) return std::nullopt;
  return auth::setup_token(cluster_bytes(), crypto_);
}

http::Response AccountDesk::with_tokens(const AccountAsk& ask, const std::string& session_id,
                                        uint64_t generation, Now now) {
  const Session* session = accounts().session(session_id);
  const User* user = session == nullptr ? nullptr : accounts().user(session->user_id);
  const auth::KeyRing::Signer* signer = keys_.signer(accounts());
  if (user == nullptr || signer == nullptr)
    return problem_response(Access::unauthorized("the session has ended; log in again"), ask.origin);
  const int64_t issued = node_.cluster_stamp(now).wall_ms / 1000;
  const auth::Claims claims{node_.raft().hard_state().cluster_id.hex(), user->id, session->id, issued,
                            issued + kTokenSeconds, std::string(role_text(user->role)),
                            // Whoever checks it must know the session, and the key that signs it.
                            static_cast<int64_t>(node_.store().applied().value)};
  const Tokens tokens{auth::sign_token(claims, signer->kid, signer->private_key, crypto_), kTokenSeconds};
  http::Response response = tokens_response(*user, *session, tokens);
  set_refresh_cookie(response, ask, auth::make_refresh_token({session->id, generation}, crypto_),
                     settings_.session_life);
  return response;
}

void AccountDesk::set_refresh_cookie(http::Response& response, const AccountAsk& ask,
                                     const std::string& value, Duration life) const {
  response.headers.push_back(
      {"Set-Cookie", auth::set_cookie({"patronus_refresh", value, "/api/v1/auth",
                                       std::chrono::duration_cast<std::chrono::seconds>(life), ask.secure})});
}

}  // namespace patronus::api
