// Where patronusctl keeps who is logged in: $XDG_STATE_HOME/patronusctl/session.json, readable by its owner
// alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace patronus::ctl {

struct StoredSession {
  std::vector<std::string> endpoints;  // where this session was begun; the token goes nowhere else by default
  std::string ca;
  std::string email;
  std::string session_id;
  std::string access_token;
  std::string refresh_token;
  int64_t expires_at = 0;  // Unix seconds, of the access token
};

// Empty if neither XDG_STATE_HOME nor HOME is set.
[[nodiscard]] std::string session_path();
// Nothing if there is none, or what is there is no session.
[[nodiscard]] std::optional<StoredSession> load_session();
// Nothing on success, else why not.
[[nodiscard]] std::optional<std::string> store_session(const StoredSession& session);
void forget_session();

}  // namespace patronus::ctl
