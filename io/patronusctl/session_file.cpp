#include "io/patronusctl/session_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/json/writer.h"
#include "io/patronusctl/files.h"

namespace patronus::ctl {
namespace {

std::string state_home() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return state;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::string(home) + "/.local/state";
}

}  // namespace

std::string session_path() {
  const std::string home = state_home();
  return home.empty() ? std::string() : home + "/patronusctl/session.json";
}

std::optional<StoredSession> load_session() {
  const std::string path = session_path();
  if (path.empty() || !is_there(path)) return std::nullopt;
  const ReadFile file = read_small_file(path);
  const auto parsed = json::parse(file.content);
  if (!file.error.empty() || !std::holds_alternative<picojson::value>(parsed)) return std::nullopt;
  json::Fields in(std::get<picojson::value>(parsed));
  StoredSession session;
  session.endpoints = in.required_strings("endpoints", 16);
  session.ca = in.required_string("ca");
  session.email = in.required_string("email");
  session.session_id = in.required_string("session_id");
  session.access_token = in.required_string("access_token");
  session.refresh_token = in.required_string("refresh_token");
  session.expires_at = in.required_int("expires_at");
  if (!in.finish()) return std::nullopt;
  return session;
}

std::optional<std::string> store_session(const StoredSession& session) {
  const std::string path = session_path();
  if (path.empty()) return "there is nowhere to keep a session: HOME is not set; use --token instead";
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(directory.parent_path(), error);
  if (error) return "'" + directory.parent_path().string() + "' can't be made: " + error.message();
  if (auto fault = make_directory(directory.string())) return fault;
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("endpoints");
  for (const std::string& endpoint : session.endpoints) out.value(endpoint);
  out.end().field("ca", session.ca).field("email", session.email).field("session_id", session.session_id);
  out.field("access_token", session.access_token).field("refresh_token", session.refresh_token);
  out.field("expires_at", session.expires_at).finish();
  return write_file(path, text + "\n", kPrivate, IfThere::kReplace);
}

void forget_session() {
  const std::string path = session_path();
  if (!path.empty()) (void)unlink(path.c_str());
}

}  // namespace patronus::ctl
