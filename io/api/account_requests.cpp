#include "io/api/account_requests.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/api/access.h"
#include "io/api/body.h"
#include "io/auth/password_rule.h"

namespace patronus::api {
namespace {

template <typename Body, typename Read>
std::variant<Body, Problem> read_account(const http::Request& request, const Read& read) {
  return read_body<Body>(request, limits::kAccountBodyBytesMax, read);
}

// Addresses are told apart without regard to the case of ASCII letters: nobody has two that differ in it.
std::string one_form(std::string email) {
  for (char& c : email) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return email;
}

void check_email(json::Fields& in, const std::string& email) {
  if (email.empty()) return;
  const size_t at = email.find('@');
  const bool printable = std::none_of(
      email.begin(), email.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (at == std::string::npos || at == 0 || at + 1 == email.size() ||
      email.find('@', at + 1) != std::string::npos || !printable) {
    in.error("email", "is not an email address; use for example admin@example.org");
  }
}

std::string required_email(json::Fields& in) {
  std::string email =
      one_form(in.required_string("email", {.bytes_min = 1, .bytes_max = limits::kEmailBytesMax}));
  check_email(in, email);
  return email;
}

std::string required_name(json::Fields& in) {
  return in.required_string("name", {.bytes_min = 1, .bytes_max = limits::kUserNameBytesMax});
}

std::string new_password(json::Fields& in, std::string_view field, const std::string& email) {
  std::string password = in.required_string(field, {.bytes_max = limits::kAccountBodyBytesMax});
  if (in.has(field)) {
    if (const auto fault = auth::password_fault(password, email)) in.error(field, *fault);
  }
  return password;
}

UserRole role_in(json::Fields& in, const std::string& text) {
  const std::optional<UserRole> role = role_of(text);
  if (!role && !text.empty()) in.error("role", "is viewer, operator or admin");
  return role.value_or(UserRole::kViewer);
}

}  // namespace

std::variant<LoginBody, Problem> read_login(const http::Request& request) {
  return read_account<LoginBody>(request, [](json::Fields& in, LoginBody& body) {
    // Whatever was typed is looked up as it is: a login does not say what an address or password looks like.
    body.email = one_form(in.required_string("email", {.bytes_max = limits::kEmailBytesMax}));
    body.password = in.required_string("password", {.bytes_max = limits::kAccountBodyBytesMax});
  });
}

std::variant<InitAdminBody, Problem> read_init_admin(const http::Request& request) {
  return read_account<InitAdminBody>(request, [](json::Fields& in, InitAdminBody& body) {
    body.email = required_email(in);
    body.name = required_name(in);
    body.password = new_password(in, "password", body.email);
  });
}

std::variant<ChangePasswordBody, Problem> read_change_password(const http::Request& request,
                                                               const std::string& email) {
  return read_account<ChangePasswordBody>(request, [&](json::Fields& in, ChangePasswordBody& body) {
    body.current_password =
        in.required_string("current_password", {.bytes_max = limits::kAccountBodyBytesMax});
    body.new_password = new_password(in, "new_password", email);
  });
}

std::variant<NewUserBody, Problem> read_new_user(const http::Request& request) {
  return read_account<NewUserBody>(request, [](json::Fields& in, NewUserBody& body) {
    body.email = required_email(in);
    body.name = required_name(in);
    body.role = role_in(in, in.required_string("role", {.bytes_max = 16}));
    body.password = new_password(in, "password", body.email);
  });
}

std::variant<UserChangesBody, Problem> read_user_changes(const http::Request& request,
                                                         const std::string& email) {
  return read_account<UserChangesBody>(request, [&](json::Fields& in, UserChangesBody& body) {
    body.email = in.optional_string("email", {.bytes_min = 1, .bytes_max = limits::kEmailBytesMax});
    if (body.email) {
      body.email = one_form(*body.email);
      check_email(in, *body.email);
    }
    body.name = in.optional_string("name", {.bytes_min = 1, .bytes_max = limits::kUserNameBytesMax});
    if (const auto role = in.optional_string("role", {.bytes_max = 16})) body.role = role_in(in, *role);
    body.disabled = in.optional_bool("disabled");
    if (in.has("password")) body.password = new_password(in, "password", body.email.value_or(email));
  });
}

std::optional<Problem> no_body(const http::Request& request) {
  if (request.body.empty()) return std::nullopt;
  // Libraries that always send JSON may send an empty object.
  if (request.body == "{}") return std::nullopt;
  return Problem{400, "unexpected_body", "this takes no body", false, false, {}};
}

}  // namespace patronus::api
