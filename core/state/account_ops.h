// What may happen to users, sessions and signing keys, as it travels through the log. Whatever needs chance,
// a secret or a clock of its own was done by the node that took the request: here are only its results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/types.h"

namespace patronus {

// Each may all that the ones before may.
enum class UserRole : uint8_t { kViewer = 1, kOperator = 2, kAdmin = 3 };

// A user who may log in. The password is in its stored form, made and checked outside the core.
struct CreateUserOp {
  std::string id;
  std::string email;  // unique; compared byte by byte, so the shell brings it into one form
  std::string name;
  UserRole role = UserRole::kViewer;
  std::string password;
  bool first = false;  // only if there is no user yet

  friend bool operator==(const CreateUserOp&, const CreateUserOp&) = default;
};
struct UpdateUserOp {
  std::string id;
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<UserRole> role;
  std::optional<bool> disabled;         // a disabled user's sessions end
  std::optional<std::string> password;  // as an administrator sets it: all sessions of the user end
  std::optional<Index> expected;        // mod_revision

  friend bool operator==(const UpdateUserOp&, const UpdateUserOp&) = default;
};
struct DeleteUserOp {
  std::string id;
  std::optional<Index> expected;

  friend bool operator==(const DeleteUserOp&, const DeleteUserOp&) = default;
};
// A user's own change of password; all sessions but the one kept end.
struct SetPasswordOp {
  std::string user_id;
  std::string password;
  uint64_t expected_version = 0;  // of the password that was checked
  std::string keep_session;

  friend bool operator==(const SetPasswordOp&, const SetPasswordOp&) = default;
};

// A login that was checked against this version of the password.
struct OpenSessionOp {
  std::string id;
  std::string user_id;
  uint64_t password_version = 0;
  int64_t idle_ms = 0;  // of lease time, since it was last seen
  int64_t life_ms = 0;  // of wall time, whatever happens
  std::string address;
  std::string agent;

  friend bool operator==(const OpenSessionOp&, const OpenSessionOp&) = default;
};
// Compare and swap of the session's generation, as its refresh token names it. The generation before is taken
// as well for a moment: two tabs, or a client whose answer was lost. A token that was older than that when it
// was presented is stolen: the session ends. A write that was merely long under way harms nobody.
struct RefreshSessionOp {
  std::string id;
  uint64_t generation = 0;
  int64_t presented_lease_ms = 0;  // see presented_lease_ms() in accounts.h

  friend bool operator==(const RefreshSessionOp&, const RefreshSessionOp&) = default;
};
struct EndSessionsOp {
  std::string user_id;  // only sessions of this user; empty: of anyone
  std::string id;       // this one; empty: all
  std::string but_not;  // except this one

  friend bool operator==(const EndSessionsOp&, const EndSessionsOp&) = default;
};
// Sessions that were used at a node of late.
struct TouchSessionsOp {
  std::vector<std::string> ids;

  friend bool operator==(const TouchSessionsOp&, const TouchSessionsOp&) = default;
};
// Sessions whose time is over by this entry's stamp end.
struct ExpireSessionsOp {
  friend bool operator==(const ExpireSessionsOp&, const ExpireSessionsOp&) = default;
};

// A new key to sign with; the one before still verifies until what it signed is over.
struct AddSigningKeyOp {
  std::string id;
  std::string public_key;
  std::string wrapped_private_key;
  std::string expected_active;  // the key that signs now; empty: none

  friend bool operator==(const AddSigningKeyOp&, const AddSigningKeyOp&) = default;
};

using AccountOp =
    std::variant<CreateUserOp, UpdateUserOp, DeleteUserOp, SetPasswordOp, OpenSessionOp, RefreshSessionOp,
                 EndSessionsOp, TouchSessionsOp, ExpireSessionsOp, AddSigningKeyOp>;

class Reader;
class Writer;
void encode(Writer& out, const AccountOp& op);
// Refuses what is outside the limits through the reader.
[[nodiscard]] AccountOp decode_account_op(Reader& in);

}  // namespace patronus
