// What each kind of write does to accounts. All checks come before the first change.
#include <algorithm>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/accounts.h"

namespace patronus {
namespace {

WriteResult done(const std::string& id, uint64_t number = 0) {
  WriteResult result;
  result.id = id;
  result.number = number;
  return result;
}

bool is_stale(const std::optional<Index>& expected, const User& user) {
  return expected && *expected != user.mod_revision;
}

}  // namespace

WriteResult Accounts::execute(const CreateUserOp& op, Index at, const Stamp& stamp) {
  if (op.first && !users_.empty()) return refused(Outcome::kInitDone);
  if (op.id.empty() || op.email.empty() || users_.contains(op.id)) return refused(Outcome::kRefused);
  if (by_email_.contains(op.email)) return refused(Outcome::kEmailTaken);
  if (users_.size() >= limits::kUsersMax) return refused(Outcome::kLimitReached);
  put(User{op.id, op.email, op.name, op.role, false, op.password, 1, stamp.wall_ms, at, at});
  return done(op.id);
}

WriteResult Accounts::execute(const UpdateUserOp& op, Index at, const Stamp&) {
  const User* found = user(op.id);
  if (found == nullptr) return refused(Outcome::kNotFound);
  if (is_stale(op.expected, *found)) return refused(Outcome::kPreconditionFailed);
  User changed = *found;
  if (op.email && *op.email != changed.email) {
    if (op.email->empty()) return refused(Outcome::kRefused);
    if (by_email_.contains(*op.email)) return refused(Outcome::kEmailTaken);
    changed.email = *op.email;
  }
  if (op.name) changed.name = *op.name;
  if (op.role) changed.role = *op.role;
  if (op.disabled) changed.disabled = *op.disabled;
  // Somebody must be left who can undo it.
  const bool is_admin = changed.role == UserRole::kAdmin && !changed.disabled;
  if (is_last_admin(*found) && !is_admin) return refused(Outcome::kLastAdmin);
  if (op.password) {
    changed.password = *op.password;
    ++changed.password_version;
  }
  changed.mod_revision = at;
  take_out(*found);
  const bool sessions_end = changed.disabled || op.password.has_value();
  put(std::move(changed));
  if (sessions_end) (void)end_sessions_of(op.id, {});
  return done(op.id);
}

WriteResult Accounts::execute(const DeleteUserOp& op, Index, const Stamp&) {
  const User* found = user(op.id);
  if (found == nullptr) return refused(Outcome::kNotFound);
  if (is_stale(op.expected, *found)) return refused(Outcome::kPreconditionFailed);
  if (is_last_admin(*found)) return refused(Outcome::kLastAdmin);
  (void)end_sessions_of(op.id, {});
  take_out(*found);
  return done(op.id);
}

WriteResult Accounts::execute(const SetPasswordOp& op, Index at, const Stamp&) {
  const User* found = user(op.user_id);
  if (found == nullptr || found->disabled) return refused(Outcome::kUnauthorized);
  // The password that was checked has been changed meanwhile.
  if (found->password_version != op.expected_version) return refused(Outcome::kPreconditionFailed);
  User changed = *found;
  changed.password = op.password;
  ++changed.password_version;
  changed.mod_revision = at;
  take_out(*found);
  put(std::move(changed));
  return done(op.user_id, end_sessions_of(op.user_id, op.keep_session));
}

WriteResult Accounts::execute(const OpenSessionOp& op, Index, const Stamp& stamp) {
  const User* who = user(op.user_id);
  const bool may = who != nullptr && !who->disabled && who->password_version == op.password_version;
  if (!may) return refused(Outcome::kUnauthorized);
  if (op.id.empty() || sessions_.contains(op.id)) return refused(Outcome::kRefused);
  if (sessions_.size() >= limits::kSessionsMax) return refused(Outcome::kLimitReached);
  // Past a user's cap the one unused for longest makes room, so that nobody is locked out by old logins.
  const std::vector<const Session*> own = sessions_of(op.user_id);
  if (own.size() >= limits::kSessionsPerUserMax) {
    const Session* oldest = *std::min_element(own.begin(), own.end(), [](const Session* a, const Session* b) {
      return a->seen_lease_ms < b->seen_lease_ms;
    });
    (void)end_session(std::string(oldest->id));
  }
  put(Session{op.id,
              op.user_id,
              1,
              {stamp.lease_ms},
              stamp.wall_ms,
              std::min(stamp.wall_ms + op.life_ms, limits::kStampMax),
              op.idle_ms,
              stamp.lease_ms,
              stamp.wall_ms,
              op.address,
              op.agent});
  return done(op.id, 1);
}

int64_t presented_lease_ms(const Session* known, uint64_t generation, int64_t applied, int64_t clock) {
  if (known == nullptr || generation >= known->generation) return applied;
  const bool is_late = clock - known->began_lease_ms[0] > in_ms(limits::kRefreshGrace);
  return known->generation - generation > 1 || is_late ? limits::kStampMax : applied;
}

WriteResult Accounts::execute(const RefreshSessionOp& op, Index, const Stamp& stamp) {
  const Session* found = session(op.id);
  if (found == nullptr || found->expires_wall_ms <= stamp.wall_ms) return refused(Outcome::kUnauthorized);
  const User* who = user(found->user_id);
  if (who == nullptr || who->disabled) return refused(Outcome::kUnauthorized);
  if (op.generation > found->generation) return refused(Outcome::kUnauthorized);
  const int64_t presented = std::min(op.presented_lease_ms, stamp.lease_ms);
  const uint64_t age = found->generation - op.generation;
  // Two tabs, or an answer that was lost: the token that was just replaced gives the same successor again.
  const bool in_grace = presented - found->began_lease_ms[0] <= in_ms(limits::kRefreshGrace);
  if (age == 1 && in_grace && !MUTANT(kNoRefreshGrace)) return done(op.id, found->generation);
  if (age > 0) {
    // Whoever has a token that was used long ago has stolen it, or it was stolen from him.
    const size_t two_later = std::min<size_t>(age < 2 ? 0 : age - 2, found->began_lease_ms.size() - 1);
    const bool stolen = age == 1 ? !in_grace : presented > found->began_lease_ms[two_later];
    if (!stolen) return refused(Outcome::kSuperseded);
    if (!MUTANT(kNoReuseDetection)) (void)end_session(std::string(op.id));
    return refused(Outcome::kTokenReused);
  }
  Session rotated = *found;
  if (!MUTANT(kNoRotation)) ++rotated.generation;
  std::copy_backward(rotated.began_lease_ms.begin(), rotated.began_lease_ms.end() - 1,
                     rotated.began_lease_ms.end());
  rotated.began_lease_ms[0] = stamp.lease_ms;
  rotated.seen_lease_ms = stamp.lease_ms;
  rotated.seen_wall_ms = stamp.wall_ms;
  const uint64_t generation = rotated.generation;
  take_out(*found);
  put(std::move(rotated));
  return done(op.id, generation);
}

WriteResult Accounts::execute(const EndSessionsOp& op, Index, const Stamp&) {
  if (op.id.empty()) {
    if (op.user_id.empty()) return refused(Outcome::kRefused);
    return done({}, end_sessions_of(op.user_id, op.but_not));
  }
  const Session* found = session(op.id);
  if (found == nullptr || (!op.user_id.empty() && found->user_id != op.user_id))
    return refused(Outcome::kNotFound);
  if (!MUTANT(kEndNoSession)) (void)end_session(op.id);
  return done(op.id, 1);
}

WriteResult Accounts::execute(const TouchSessionsOp& op, Index, const Stamp& stamp) {
  for (const std::string& id : op.ids) {
    const Session* found = session(id);
    if (found == nullptr) continue;
    Session touched = *found;
    touched.seen_lease_ms = stamp.lease_ms;
    touched.seen_wall_ms = stamp.wall_ms;
    take_out(*found);
    put(std::move(touched));
  }
  return done({});
}

// By what the log says at this entry, not by what the proposer thought: a touch that came before it counts.
WriteResult Accounts::execute(const ExpireSessionsOp&, Index, const Stamp& stamp) {
  uint64_t ended = 0;
  const auto end_first = [&](const auto& by_end, int64_t now_ms) {
    while (!by_end.empty() && by_end.begin()->first <= now_ms &&
           ended < limits::kSessionsExpiredPerApplyMax) {
      (void)end_session(std::string(by_end.begin()->second));
      ++ended;
    }
  };
  if (MUTANT(kExpireByProposer)) {
    if (!by_idle_end_.empty()) (void)end_session(std::string(by_idle_end_.begin()->second));
    return done({}, 1);
  }
  end_first(by_idle_end_, stamp.lease_ms);
  end_first(by_life_end_, stamp.wall_ms);
  return done({}, ended);
}

WriteResult Accounts::execute(const AddSigningKeyOp& op, Index, const Stamp& stamp) {
  const SigningKey* active = active_key();
  if (op.id.empty() || key(op.id) != nullptr) return refused(Outcome::kRefused);
  if ((active == nullptr ? std::string() : active->id) != op.expected_active)
    return refused(Outcome::kPreconditionFailed);
  // What a key signed is over a token's life after it was retired, give or take clocks.
  const int64_t kept_ms = 2 * in_ms(limits::kAccessTokenLife);
  std::vector<SigningKey> kept;
  for (const SigningKey& old : keys_) {
    if (old.retired_wall_ms == 0 || stamp.wall_ms - old.retired_wall_ms <= kept_ms) kept.push_back(old);
  }
  if (kept.size() >= limits::kSigningKeysMax) return refused(Outcome::kLimitReached);
  if (!kept.empty()) kept.back().retired_wall_ms = std::max<int64_t>(stamp.wall_ms, 1);
  kept.push_back({op.id, op.public_key, op.wrapped_private_key, stamp.wall_ms, 0});
  touch(RowKind::kSigningKeys, {});
  keys_ = std::move(kept);
  return done(op.id);
}

}  // namespace patronus
