// Users, sessions and signing keys as rows.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/state/account_records.h"
#include "core/state/accounts.h"

namespace patronus {
namespace {

using namespace limits;

RowValue encoded(const std::vector<SigningKey>& keys) {
  RowValue value;
  Writer out(value.head);
  out.u32(static_cast<uint32_t>(keys.size()));
  for (const SigningKey& key : keys) {
    out.bytes(key.id);
    encode_record(out, key);
  }
  return value;
}

template <typename Record>
RowValue encoded(const Record& record) {
  RowValue value;
  Writer out(value.head);
  encode_record(out, record);
  return value;
}

int64_t read_ms(Reader& in) {
  const int64_t ms = in.i64();
  if (ms < 0 || ms > kStampMax) in.fail();
  return ms;
}

bool is_id(std::string_view id) { return !id.empty() && id.size() <= kAccountIdBytesMax; }

}  // namespace

// Built in place, so that a row which is dirty already costs no allocation.
void Accounts::touch(RowKind kind, std::string_view id) {
  std::string& key = changes_.scratch();
  key.assign(1, static_cast<char>(kind));
  key += id;
  changes_.touch(key, *this);
}

void Accounts::for_each_row(const RowVisitor& visit) const {
  if (!keys_.empty()) visit(row_key(RowKind::kSigningKeys), encoded(keys_));
  for (const auto& [id, session] : sessions_) visit(row_key(RowKind::kSession, id), encoded(session));
  for (const auto& [id, user] : users_) visit(row_key(RowKind::kUser, id), encoded(user));
}

std::optional<RowValue> Accounts::row(std::string_view key) const {
  const std::string_view id = key.substr(1);
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kSigningKeys:
      if (!keys_.empty()) return encoded(keys_);
      break;
    case RowKind::kSession:
      if (const Session* found = session(id)) return encoded(*found);
      break;
    default:
      if (const User* found = user(id)) return encoded(*found);
  }
  return std::nullopt;
}

std::optional<std::string> Accounts::projected_key_after(std::string_view key) const {
  std::string signing = row_key(RowKind::kSigningKeys);
  if (key < signing && !keys_.empty()) return signing;
  const bool is_before = key < row_key(RowKind::kUser);
  const auto next = is_before ? users_.begin() : users_.upper_bound(key.substr(1));
  return next == users_.end() ? std::nullopt : std::optional(row_key(RowKind::kUser, next->first));
}

std::optional<std::string> Accounts::load_row(std::string_view key, std::string_view value) {
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kSigningKeys:
      return key.size() == 1 ? load_keys(value) : std::optional<std::string>("an unknown row");
    case RowKind::kSession:
      return load_session(key.substr(1), value);
    default:
      return load_user(key.substr(1), value);
  }
}

std::optional<std::string> Accounts::load_keys(std::string_view value) {
  Reader in(value);
  const size_t count = in.count(kSigningKeysMax, 28);
  for (size_t i = 0; i < count; ++i) {
    SigningKey key;
    key.id = in.text(kAccountIdBytesMax);
    key.public_key = in.text(kPublicKeyBytesMax);
    key.wrapped_private_key = in.text(kWrappedKeyBytesMax);
    key.created_wall_ms = read_ms(in);
    key.retired_wall_ms = read_ms(in);
    // The last one signs, those before it do no more.
    const bool signs = key.retired_wall_ms == 0;
    if (key.id.empty() || signs != (i + 1 == count)) in.fail();
    keys_.push_back(std::move(key));
  }
  if (!in.done() || count == 0) return "the signing keys make no sense";
  return std::nullopt;
}

std::optional<std::string> Accounts::load_session(std::string_view id, std::string_view value) {
  Reader in(value);
  Session session;
  session.id = id;
  session.user_id = in.text(kAccountIdBytesMax);
  session.generation = in.u64();
  for (int64_t& began : session.began_lease_ms) began = read_ms(in);
  session.created_wall_ms = read_ms(in);
  session.expires_wall_ms = read_ms(in);
  session.idle_ms = read_ms(in);
  session.seen_lease_ms = read_ms(in);
  session.seen_wall_ms = read_ms(in);
  session.address = in.text(kSessionAddressBytesMax);
  session.agent = in.text(kSessionAgentBytesMax);
  if (!in.done() || !is_id(id) || session.generation == 0) return "a session makes no sense";
  if (sessions_.size() >= kSessionsMax) return "there are too many sessions";
  put(std::move(session));
  return std::nullopt;
}

std::optional<std::string> Accounts::load_user(std::string_view id, std::string_view value) {
  Reader in(value);
  User user;
  user.id = id;
  user.email = in.text(kEmailBytesMax);
  user.name = in.text(kUserNameBytesMax);
  const uint8_t role = in.u8();
  user.role = static_cast<UserRole>(role);
  user.disabled = in.boolean();
  user.password = in.text(kStoredPasswordBytesMax);
  user.password_version = in.u64();
  user.created_wall_ms = read_ms(in);
  user.create_revision = Index{in.u64()};
  user.mod_revision = Index{in.u64()};
  const bool sane = in.done() && is_id(id) && !user.email.empty() && role >= 1 && role <= 3 &&
                    user.create_revision && user.create_revision <= user.mod_revision;
  if (!sane) return "a user makes no sense";
  if (users_.size() >= kUsersMax) return "there are too many users";
  if (by_email_.contains(user.email)) return "two users have the same address";
  put(std::move(user));
  return std::nullopt;
}

std::optional<std::string> Accounts::fault() const {
  const bool all_known = std::all_of(by_user_.begin(), by_user_.end(),
                                     [&](const auto& sessions) { return users_.contains(sessions.first); });
  return all_known ? std::nullopt : std::optional<std::string>("a session belongs to no user");
}

}  // namespace patronus
