// The bodies of requests on accounts and sessions.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/state/account_ops.h"
#include "io/api/problem.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

struct LoginBody {
  std::string email;  // in the one form in which addresses are kept
  std::string password;
};
struct InitAdminBody {
  std::string email;
  std::string name;
  std::string password;
};
struct ChangePasswordBody {
  std::string current_password;
  std::string new_password;
};
struct NewUserBody {
  std::string email;
  std::string name;
  UserRole role = UserRole::kViewer;
  std::string password;
};
struct UserChangesBody {
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<UserRole> role;
  std::optional<bool> disabled;
  std::optional<std::string> password;
};

[[nodiscard]] std::variant<LoginBody, Problem> read_login(const http::Request& request);
[[nodiscard]] std::variant<InitAdminBody, Problem> read_init_admin(const http::Request& request);
[[nodiscard]] std::variant<ChangePasswordBody, Problem> read_change_password(const http::Request& request,
                                                                             const std::string& email);
[[nodiscard]] std::variant<NewUserBody, Problem> read_new_user(const http::Request& request);
// `email` is the user's as it is, for judging a new password.
[[nodiscard]] std::variant<UserChangesBody, Problem> read_user_changes(const http::Request& request,
                                                                       const std::string& email);
// Nothing if there is no body, else what is wrong with one.
[[nodiscard]] std::optional<Problem> no_body(const http::Request& request);

}  // namespace patronus::api
