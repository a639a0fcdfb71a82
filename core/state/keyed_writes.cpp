#include "core/state/keyed_writes.h"

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"

namespace patronus {
namespace {

constexpr size_t kOverheadBytes = 160;

}  // namespace

std::optional<WriteResult> KeyedWrites::answer(const IdempotencyKey& key) const {
  WriteResult refusal;
  const auto at = kept_.find({key.user, key.key});
  if (at != kept_.end()) {
    if (at->second.body_hash != key.body_hash) {
      refusal.outcome = Outcome::kKeyReused;
      return refusal;
    }
    std::optional<WriteResult> kept = decode_result(at->second.answer);
    PATRONUS_ASSERT(kept.has_value(), "kept answers were encoded here");
    return kept;
  }
  const auto count = per_user_.find(key.user);
  if (count != per_user_.end() && count->second >= limits::kKeyedWritesPerUserMax) {
    refusal.outcome = Outcome::kKeyCapReached;
    return refusal;
  }
  return std::nullopt;
}

void KeyedWrites::keep(const IdempotencyKey& key, const WriteResult& result, const Stamp& stamp) {
  Kept kept{key.body_hash, encode_result(result), stamp.lease_ms, 0};
  std::string fact;
  Writer out(fact);
  out.bytes(key.user);
  out.bytes(key.key);
  out.u64(kept.body_hash);
  out.i64(kept.lease_ms);
  out.bytes(kept.answer);
  kept.hash = hash64(fact);
  hash_ += kept.hash;
  bytes_ += kOverheadBytes + 2 * (key.user.size() + key.key.size()) + kept.answer.size();
  Name name{key.user, key.key};
  by_age_.push_back(name);
  ++per_user_[key.user];
  const bool is_new = kept_.emplace(std::move(name), std::move(kept)).second;
  PATRONUS_ASSERT(is_new, "a key is kept once");
}

void KeyedWrites::expire(const Stamp& now) {
  constexpr int64_t kKeptMs =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits::kKeyedWriteKept).count();
  for (size_t i = 0; i < limits::kKeyedExpiredPerApplyMax && !by_age_.empty(); ++i) {
    const auto at = kept_.find(by_age_.front());
    PATRONUS_ASSERT(at != kept_.end(), "what has an age is kept");
    if (now.lease_ms - at->second.lease_ms < kKeptMs) return;
    const auto& [user, key] = at->first;
    hash_ -= at->second.hash;
    bytes_ -= kOverheadBytes + 2 * (user.size() + key.size()) + at->second.answer.size();
    const auto count = per_user_.find(user);
    if (--count->second == 0) per_user_.erase(count);
    kept_.erase(at);
    by_age_.pop_front();
  }
}

}  // namespace patronus
