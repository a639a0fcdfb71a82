// Users, their sessions, and the keys that sign tokens: part of the replicated state. Nothing here reads a
// clock: sessions age by the stamps of entries, and end by an entry.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/raft/entry.h"
#include "core/state/account_ops.h"
#include "core/state/changes.h"
#include "core/state/command.h"

namespace patronus {

struct User {
  std::string id;
  std::string email;
  std::string name;
  UserRole role = UserRole::kViewer;
  bool disabled = false;
  std::string password;           // stored form
  uint64_t password_version = 1;  // counted up by every change
  int64_t created_wall_ms = 0;
  Index create_revision;
  Index mod_revision;
};

struct Session {
  std::string id;
  std::string user_id;
  uint64_t generation = 1;  // of its refresh token
  // When this generation and those before it began, the latest first.
  std::array<int64_t, 4> began_lease_ms{};
  int64_t created_wall_ms = 0;
  int64_t expires_wall_ms = 0;
  int64_t idle_ms = 0;
  int64_t seen_lease_ms = 0;
  int64_t seen_wall_ms = 0;
  std::string address;
  std::string agent;
};

struct SigningKey {
  std::string id;
  std::string public_key;
  std::string wrapped_private_key;
  int64_t created_wall_ms = 0;
  int64_t retired_wall_ms = 0;  // 0: it signs
};

// What a refresh says of when its token was presented, for the log to judge by wherever it is applied.
// `known` is the session as the node that takes it has it, or null; `applied` the lease time of the last
// entry there, `clock` the cluster's as that node has it. A leader that was cut off may be ahead of the next
// one, so that by its clock alone a request that was long under way would pass for a theft: by the time of
// what is applied none does, and what this node knows to be a theft is said outright.
[[nodiscard]] int64_t presented_lease_ms(const Session* known, uint64_t generation, int64_t applied,
                                         int64_t clock);

class Accounts {
 public:
  // Null if there is none. Pointers live until the next apply.
  const User* user(std::string_view id) const;
  const User* user_by_email(std::string_view email) const;
  const Session* session(std::string_view id) const;
  const SigningKey* key(std::string_view id) const;
  const SigningKey* active_key() const;
  const std::vector<SigningKey>& keys() const { return keys_; }
  // The user's sessions, by id.
  std::vector<const Session*> sessions_of(std::string_view user_id) const;
  // Up to `limit` users with an id above the one given.
  std::vector<const User*> users_after(std::string_view id, size_t limit) const;
  size_t user_count() const { return users_.size(); }
  size_t session_count() const { return sessions_.size(); }

  // Whether this session of this user may do what needs the role, as of the state and time; kOk,
  // kUnauthorized or kForbidden. The same on every replica, so a node that lags can't let a revoked user
  // write.
  Outcome check(const Authority& authority, const Stamp& stamp) const;

  WriteResult apply(const AccountOp& op, Index at, const Stamp& stamp);

  // All sessions but that one; returns how many. For a restore of the state that they have seen.
  uint64_t end_all_sessions(std::string_view but_not);

  // The earliest stamp at which some session's time is over: lease time, wall time. Nothing: no session.
  struct NextExpiry {
    int64_t lease_ms;
    int64_t wall_ms;
  };
  std::optional<NextExpiry> next_expiry() const;

  size_t bytes() const { return bytes_; }
  uint64_t hash() const;

  // Rows (accounts_rows.cpp): all signing keys in one, then sessions, then users, by their ids.
  Changes& changes() { return changes_; }
  const Changes& changes() const { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  // The first key behind this one, whether there is such a row or not, of signing keys and users alone.
  std::optional<std::string> projected_key_after(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);
  // When all rows are there: why they do not fit together, or nothing.
  [[nodiscard]] std::optional<std::string> fault() const;

 private:
  WriteResult execute(const CreateUserOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const UpdateUserOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const DeleteUserOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const SetPasswordOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const OpenSessionOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const RefreshSessionOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const EndSessionsOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const TouchSessionsOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const ExpireSessionsOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const AddSigningKeyOp& op, Index at, const Stamp& stamp);

  // Whatever changes goes out and in again, so that hash, bytes and indexes follow.
  void put(User user);
  void take_out(const User& user);
  void put(Session session);
  void take_out(const Session& session);
  bool end_session(const std::string& id);
  uint64_t end_sessions_of(const std::string& user_id, std::string_view but_not);
  void touch(RowKind kind, std::string_view id);
  std::optional<std::string> load_keys(std::string_view value);
  std::optional<std::string> load_session(std::string_view id, std::string_view value);
  std::optional<std::string> load_user(std::string_view id, std::string_view value);
  // True if no enabled administrator but this user is left.
  bool is_last_admin(const User& user) const;

  std::map<std::string, User, std::less<>> users_;
  std::map<std::string, std::string, std::less<>> by_email_;  // id
  std::map<std::string, Session, std::less<>> sessions_;
  std::map<std::string, std::set<std::string>, std::less<>> by_user_;
  std::set<std::pair<int64_t, std::string>> by_idle_end_;  // lease time
  std::set<std::pair<int64_t, std::string>> by_life_end_;  // wall time
  std::vector<SigningKey> keys_;                           // the one that signs is the last
  size_t admins_ = 0;                                      // enabled
  size_t bytes_ = 0;
  uint64_t hash_ = 0;
  Changes changes_;
};

}  // namespace patronus
