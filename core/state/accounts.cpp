#include "core/state/accounts.h"

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/account_records.h"

namespace patronus {
namespace {

constexpr size_t kAccountOverheadBytes = 256;  // map nodes and indexes

// What kind of thing an id names goes in first: a user and a session may have the same one.
constexpr uint8_t kUserFact = 1;
constexpr uint8_t kSessionFact = 2;

template <typename Record>
uint64_t hash_of(uint8_t fact_kind, const Record& record) {
  std::string fact;
  Writer out(fact);
  out.u8(fact_kind);
  out.bytes(record.id);
  encode_record(out, record);
  return hash64(fact);
}
uint64_t hash_of(const User& user) { return hash_of(kUserFact, user); }
uint64_t hash_of(const Session& session) { return hash_of(kSessionFact, session); }

size_t bytes_of(const User& user) {
  return kAccountOverheadBytes + 2 * (user.id.size() + user.email.size()) + user.name.size() +
         user.password.size();
}
size_t bytes_of(const Session& session) {
  return kAccountOverheadBytes + 4 * session.id.size() + session.user_id.size() + session.address.size() +
         session.agent.size();
}

int64_t idle_end(const Session& session) { return session.seen_lease_ms + session.idle_ms; }
bool is_active_admin(const User& user) { return user.role == UserRole::kAdmin && !user.disabled; }

}  // namespace

const User* Accounts::user(std::string_view id) const {
  const auto at = users_.find(id);
  return at == users_.end() ? nullptr : &at->second;
}

const User* Accounts::user_by_email(std::string_view email) const {
  const auto at = by_email_.find(email);
  return at == by_email_.end() ? nullptr : user(at->second);
}

const Session* Accounts::session(std::string_view id) const {
  const auto at = sessions_.find(id);
  return at == sessions_.end() ? nullptr : &at->second;
}

const SigningKey* Accounts::key(std::string_view id) const {
  for (const SigningKey& key : keys_) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

const SigningKey* Accounts::active_key() const { return keys_.empty() ? nullptr : &keys_.back(); }

std::vector<const Session*> Accounts::sessions_of(std::string_view user_id) const {
  std::vector<const Session*> found;
  const auto ids = by_user_.find(user_id);
  if (ids == by_user_.end()) return found;
  for (const std::string& id : ids->second) found.push_back(session(id));
  return found;
}

std::vector<const User*> Accounts::users_after(std::string_view id, size_t limit) const {
  std::vector<const User*> found;
  for (auto at = users_.upper_bound(id); at != users_.end() && found.size() < limit; ++at)
    found.push_back(&at->second);
  return found;
}

Outcome Accounts::check(const Authority& authority, const Stamp& stamp) const {
  if (MUTANT(kNoCheckAtApply)) return Outcome::kOk;
  const Session* of = session(authority.session);
  if (of == nullptr || of->user_id != authority.user) return Outcome::kUnauthorized;
  // Many sessions that end together are taken away a number at a time; none lives on meanwhile.
  if (of->expires_wall_ms <= stamp.wall_ms) return Outcome::kUnauthorized;
  const User* who = user(of->user_id);
  if (who == nullptr || who->disabled) return Outcome::kUnauthorized;
  return who->role >= authority.role ? Outcome::kOk : Outcome::kForbidden;
}

std::optional<Accounts::NextExpiry> Accounts::next_expiry() const {
  if (sessions_.empty()) return std::nullopt;
  return NextExpiry{by_idle_end_.begin()->first, by_life_end_.begin()->first};
}

WriteResult Accounts::apply(const AccountOp& op, Index at, const Stamp& stamp) {
  return std::visit([&](const auto& concrete) { return execute(concrete, at, stamp); }, op);
}

void Accounts::put(User user) {
  touch(RowKind::kUser, user.id);
  hash_ += hash_of(user);
  bytes_ += bytes_of(user);
  if (is_active_admin(user)) ++admins_;
  by_email_.emplace(user.email, user.id);
  std::string id = user.id;
  users_.insert_or_assign(std::move(id), std::move(user));
}

void Accounts::take_out(const User& user) {
  touch(RowKind::kUser, user.id);
  hash_ -= hash_of(user);
  bytes_ -= bytes_of(user);
  if (is_active_admin(user)) --admins_;
  by_email_.erase(user.email);
  users_.erase(std::string(user.id));
}

void Accounts::put(Session session) {
  if (!MUTANT(kForgetSessionRow)) touch(RowKind::kSession, session.id);
  hash_ += hash_of(session);
  bytes_ += bytes_of(session);
  by_user_[session.user_id].insert(session.id);
  by_idle_end_.emplace(idle_end(session), session.id);
  by_life_end_.emplace(session.expires_wall_ms, session.id);
  std::string id = session.id;
  sessions_.insert_or_assign(std::move(id), std::move(session));
}

void Accounts::take_out(const Session& session) {
  touch(RowKind::kSession, session.id);
  hash_ -= hash_of(session);
  bytes_ -= bytes_of(session);
  const auto of_user = by_user_.find(session.user_id);
  of_user->second.erase(session.id);
  if (of_user->second.empty()) by_user_.erase(of_user);
  by_idle_end_.erase({idle_end(session), session.id});
  by_life_end_.erase({session.expires_wall_ms, session.id});
  sessions_.erase(std::string(session.id));
}

bool Accounts::end_session(const std::string& id) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return false;
  take_out(at->second);
  return true;
}

uint64_t Accounts::end_sessions_of(const std::string& user_id, std::string_view but_not) {
  uint64_t ended = 0;
  for (const Session* session : sessions_of(user_id)) {
    const std::string id = session->id;
    if (id != but_not && end_session(id)) ++ended;
  }
  return ended;
}

uint64_t Accounts::end_all_sessions(std::string_view but_not) {
  uint64_t ended = 0;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const Session& session = (at++)->second;
    if (session.id == but_not) continue;
    take_out(session);
    ++ended;
  }
  return ended;
}

uint64_t Accounts::hash() const {
  std::string fact;
  Writer out(fact);
  for (const SigningKey& key : keys_) {
    out.bytes(key.id);
    encode_record(out, key);
  }
  return keys_.empty() ? hash_ : hash_ + hash64(fact);
}

bool Accounts::is_last_admin(const User& user) const { return is_active_admin(user) && admins_ == 1; }

}  // namespace patronus
