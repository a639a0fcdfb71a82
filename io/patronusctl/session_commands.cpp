#include "io/patronusctl/session_commands.h"

#include <ctime>
#include <memory>

#include "core/base/limits.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/password_prompt.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

int log_in(Cluster& cluster, const std::string& email) {
  std::variant<Typed, std::string> typed = read_password("password of " + email);
  if (const auto* fault = std::get_if<std::string>(&typed)) {
    print_error(*fault);
    return kUsage;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/auth/login";
  question.body.emplace();
  question.with_token = false;
  json::Writer(*question.body)
      .begin_object()
      .field("email", email)
      .field("password", std::get<Typed>(typed).password)
      .finish();
  const HttpReply reply = cluster.ask(question);
  if (reply.status == 401) {
    print_error("email address or password is wrong");
    return kNotAllowed;
  }
  if (reply.status != 200) return explain(reply);
  const picojson::value body = json_of(reply);
  const picojson::value& life = body.get("expires_in");
  StoredSession session{cluster.endpoints(),
                        cluster.ca(),
                        email,
                        text_of(body, "session_id"),
                        text_of(body, "access_token"),
                        refresh_cookie_of(reply),
                        std::time(nullptr) + (life.is<int64_t>() ? life.get<int64_t>() : 0)};
  if (const auto fault = store_session(session)) {
    print_error(*fault);
    return kError;
  }
  if (cluster.format() == Format::kJson) {
    std::string text;
    json::Writer(text).begin_object().field("email", email).field("session_id", session.session_id).finish();
    print_line(text);
  } else {
    print_line("logged in as " + email + "; the session is kept in " + session_path());
  }
  return kOk;
}

int log_out(Cluster& cluster) {
  if (!cluster.session()) {
    print_line("nobody is logged in");
    return kOk;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/auth/logout";
  question.headers = {"Cookie: patronus_refresh=" + cluster.session()->refresh_token};
  question.is_safe_to_repeat = true;
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 204 && reply.status != 401) {
    const int code = explain(reply);
    print_warning("the session is kept here; try again, or end it with session revoke elsewhere");
    return code;
  }
  forget_session();
  print_line("logged out");
  return kOk;
}

int list_sessions(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/auth/sessions"));
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  const picojson::value sessions = json_of(reply);
  Table rows;
  for (const picojson::value& one : array_of(sessions, "items")) {
    rows.push_back({text_of(one, "id"), text_of(one, "current") == "true" ? "this one" : "",
                    text_of(one, "created_at"), text_of(one, "last_seen"), text_of(one, "address"),
                    text_of(one, "user_agent")});
  }
  print_table({"SESSION", "", "BEGAN", "LAST SEEN", "ADDRESS", "AGENT"}, rows);
  return kOk;
}

int revoke_session(Cluster& cluster, const std::string& id, bool others) {
  if (id.empty() != others) {
    print_error("session revoke takes a session's id or --others; see session list");
    return kUsage;
  }
  Question question;
  question.method = "DELETE";
  question.path = others ? "/api/v1/auth/sessions?others=1" : "/api/v1/auth/sessions/" + escaped(id);
  question.is_safe_to_repeat = true;
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 204 && reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson && !reply.body.empty()) {
    print_json(reply);
  } else {
    print_line(others ? text_of(json_of(reply), "sessions_ended") + " sessions ended"
                      : "session " + id + " ended");
  }
  return kOk;
}

int list_users(Cluster& cluster) {
  return list_pages(cluster, "/api/v1/users", {"USER", "EMAIL", "NAME", "ROLE", "STATE"},
                    [](const picojson::value& user) -> std::vector<std::string> {
                      return {text_of(user, "id"), text_of(user, "email"), text_of(user, "name"),
                              text_of(user, "role"),
                              text_of(user, "disabled") == "true" ? "disabled" : "active"};
                    });
}

struct NewUser {
  std::string email;
  std::string name;
  std::string role = "viewer";
};

int add_user(Cluster& cluster, const NewUser& user) {
  std::variant<Typed, std::string> typed = read_password("password of the new user " + user.email);
  if (const auto* fault = std::get_if<std::string>(&typed)) {
    print_error(*fault);
    return kUsage;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/users";
  question.body.emplace();
  json::Writer(*question.body)
      .begin_object()
      .field("email", user.email)
      .field("name", user.name.empty() ? user.email : user.name)
      .field("role", user.role)
      .field("password", std::get<Typed>(typed).password)
      .finish();
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 201) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
  } else {
    print_line("user " + user.email + " is " + user.role + ", with the id " + text_of(json_of(reply), "id"));
  }
  return kOk;
}

int remove_user(Cluster& cluster, const std::string& id) {
  Question question;
  question.method = "DELETE";
  question.path = "/api/v1/users/" + escaped(id);
  question.is_safe_to_repeat = true;
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 204) return explain(reply);
  print_line("user " + id + " is gone, and all their sessions");
  return kOk;
}

struct SessionGiven {
  std::string id;
  std::string email;
  bool others = false;
  NewUser user;
};

void add_user_verbs(CLI::App& app, const Connection& connection, std::function<int()>& run,
                    const std::shared_ptr<SessionGiven>& given) {
  CLI::App* user = app.add_subcommand("user", "Who may log in; for administrators.");
  user->require_subcommand(1);
  let_do(user->add_subcommand("list", "All users."), connection, run, list_users);
  CLI::App* verb = user->add_subcommand("add", "Makes a user; the password as with login.");
  verb->add_option("EMAIL", given->user.email)->required();
  verb->add_option("--name", given->user.name, "[the email address]");
  verb->add_option("--role", given->user.role, "viewer, operator or admin")
      ->check(CLI::IsMember({"viewer", "operator", "admin"}))
      ->capture_default_str();
  let_do(verb, connection, run, [given](Cluster& cluster) { return add_user(cluster, given->user); });
  verb = user->add_subcommand("remove", "Deletes a user and ends their sessions.");
  verb->add_option("ID", given->id, "from user list")->required();
  let_do(verb, connection, run, [given](Cluster& cluster) { return remove_user(cluster, given->id); });
}

}  // namespace

void add_session_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<SessionGiven>();
  CLI::App* verb =
      app.add_subcommand("login",
                         "Begins a session and keeps it for the verbs that follow. The password comes from "
                         "PATRONUS_PASSWORD or is typed.");
  verb->add_option("--email", given->email, "as whom")->required();
  let_do(verb, connection, run, [given](Cluster& cluster) { return log_in(cluster, given->email); });
  let_do(app.add_subcommand("logout", "Ends the session and forgets it."), connection, run, log_out);

  CLI::App* session = app.add_subcommand("session", "Where one is logged in.");
  session->require_subcommand(1);
  let_do(session->add_subcommand("list", "One's own sessions."), connection, run, list_sessions);
  verb = session->add_subcommand("revoke", "Ends a session: one's own, or as administrator anyone's.");
  verb->add_option("SESSION", given->id, "its id, from session list");
  verb->add_flag("--others", given->others, "all of one's own but this one");
  let_do(verb, connection, run,
         [given](Cluster& cluster) { return revoke_session(cluster, given->id, given->others); });
  add_user_verbs(app, connection, run, given);
}

}  // namespace patronus::ctl
