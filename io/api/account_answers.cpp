#include "io/api/account_answers.h"

#include "io/api/access.h"
#include "io/api/state_answers.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

void put_user(json::Writer& out, const User& user) {
  out.begin_object()
      .field("id", user.id)
      .field("email", user.email)
      .field("name", user.name)
      .field("role", role_text(user.role))
      .field("disabled", user.disabled)
      .field("created_at", rfc3339(user.created_wall_ms))
      .field("mod_revision", user.mod_revision.value)
      .end();
}

void put_session(json::Writer& out, const Session& session, std::string_view own) {
  out.begin_object()
      .field("id", session.id)
      .field("current", session.id == own)
      .field("created_at", rfc3339(session.created_wall_ms))
      .field("last_seen", rfc3339(session.seen_wall_ms))
      .field("expires_at", rfc3339(session.expires_wall_ms))
      .field("idle_seconds", session.idle_ms / 1000)
      .field("address", session.address)
      .field("user_agent", session.agent)
      .end();
}

}  // namespace

http::Response user_response(int status, const User& user) {
  std::string body;
  json::Writer out(body);
  put_user(out, user);
  http::Response response = private_json(status, std::move(body));
  response.headers.push_back({"ETag", "\"" + std::to_string(user.mod_revision.value) + "\""});
  return response;
}

http::Response me_response(const User& user, const Session& session) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("user");
  put_user(out, user);
  out.key("session");
  put_session(out, session, session.id);
  out.finish();
  return private_json(200, std::move(body));
}

http::Response users_response(const std::vector<const User*>& users, bool more) {
  std::string body;
  json::Writer out(body);
  out.begin_object().begin_array("items");
  for (const User* user : users) put_user(out, *user);
  out.end().key("cursor");
  if (more) {
    out.value(users.back()->id);
  } else {
    out.null();
  }
  out.finish();
  return private_json(200, std::move(body));
}

http::Response sessions_response(const std::vector<const Session*>& sessions, std::string_view own) {
  std::string body;
  json::Writer out(body);
  out.begin_object().begin_array("items");
  for (const Session* session : sessions) put_session(out, *session, own);
  out.finish();
  return private_json(200, std::move(body));
}

http::Response ended_response(uint64_t ended) {
  std::string body;
  json::Writer(body).begin_object().field("sessions_ended", ended).finish();
  return private_json(200, std::move(body));
}

http::Response tokens_response(const User& user, const Session& session, const Tokens& tokens) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("user");
  put_user(out, user);
  out.field("access_token", tokens.access_token)
      .field("token_type", "Bearer")
      .field("expires_in", tokens.expires_in_seconds)
      .field("session_id", session.id)
      .finish();
  return private_json(200, std::move(body));
}

Problem account_problem(const WriteResult& result) {
  switch (result.outcome) {
    case Outcome::kEmailTaken:
      return {409, "email_taken", "another user has this email address", false, false, {}};
    case Outcome::kLastAdmin:
      return {409,   "last_admin", "nobody would be left to administer; make another user admin first",
              false, false,        {}};
    case Outcome::kInitDone:
      return {409, "already_initialised", "there is an administrator already; log in", false, false, {}};
    case Outcome::kLimitReached:
      return {507, "limit_reached", "there are as many of these as there may be", false, false, {}};
    case Outcome::kNotFound:
      return {404, "not_found", "there is no such user or session", false, false, {}};
    case Outcome::kSuperseded:
      return {409,
              "refresh_superseded",
              "another refresh of this session was faster; use the cookie it brought",
              true,
              false,
              {}};
    case Outcome::kPreconditionFailed:
      return {412, "precondition_failed", "it was changed meanwhile; read it again", false, false, {}};
    default:
      return write_problem(result);
  }
}

}  // namespace patronus::api
