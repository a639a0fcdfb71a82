#include "core/state/keyed_writes.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

constexpr size_t kKeyedOverheadBytes = 160;

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

uint64_t KeyedWrites::hash_of(const Name& name, const Kept& kept) {
  std::string fact;
  Writer out(fact);
  out.bytes(name.first);
  out.bytes(name.second);
  out.u64(kept.body_hash);
  out.i64(kept.lease_ms);
  out.bytes(kept.answer);
  return hash64(fact);
}

void KeyedWrites::keep(const IdempotencyKey& key, const WriteResult& result, const Stamp& stamp) {
  if (!MUTANT(kForgetKeyedRow)) touch(result.revision);
  insert({result.revision, {key.user, key.key}}, {key.body_hash, encode_result(result), stamp.lease_ms, 0});
}

void KeyedWrites::insert(Aged aged, Kept kept) {
  kept.hash = hash_of(aged.name, kept);
  hash_ += kept.hash;
  bytes_ += kKeyedOverheadBytes + 2 * (aged.name.first.size() + aged.name.second.size()) + kept.answer.size();
  ++per_user_[aged.name.first];
  const bool is_new = kept_.emplace(aged.name, std::move(kept)).second;
  PATRONUS_ASSERT(is_new || MUTANT(kForgetKeyedAnswers), "a key is kept once");
  by_age_.push_back(std::move(aged));
}

void KeyedWrites::expire(const Stamp& now) {
  constexpr int64_t kKeptMs =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits::kKeyedWriteKept).count();
  for (size_t i = 0; i < limits::kKeyedExpiredPerApplyMax && !by_age_.empty(); ++i) {
    const auto at = kept_.find(by_age_.front().name);
    PATRONUS_ASSERT(at != kept_.end(), "what has an age is kept");
    if (now.lease_ms - at->second.lease_ms < kKeptMs) return;
    touch(by_age_.front().kept_at);
    const auto& [user, key] = at->first;
    hash_ -= at->second.hash;
    bytes_ -= kKeyedOverheadBytes + 2 * (user.size() + key.size()) + at->second.answer.size();
    const auto count = per_user_.find(user);
    if (--count->second == 0) per_user_.erase(count);
    kept_.erase(at);
    by_age_.pop_front();
  }
}

RowValue KeyedWrites::encoded(const Name& name, const Kept& kept) {
  RowValue value;
  Writer out(value.head);
  out.bytes(name.first);
  out.bytes(name.second);
  out.u64(kept.body_hash);
  out.i64(kept.lease_ms);
  out.bytes(kept.answer);
  return value;
}

void KeyedWrites::for_each_row(const RowVisitor& visit) const {
  for (const Aged& aged : by_age_)
    visit(row_key(RowKind::kKeptAnswer, aged.kept_at.value), encoded(aged.name, kept_.at(aged.name)));
}

std::optional<RowValue> KeyedWrites::row(std::string_view key) const {
  const Index kept_at{row_number(key).value_or(0)};
  const auto at = std::lower_bound(by_age_.begin(), by_age_.end(), kept_at,
                                   [](const Aged& aged, Index index) { return aged.kept_at < index; });
  if (at == by_age_.end() || at->kept_at != kept_at) return std::nullopt;
  return encoded(at->name, kept_.at(at->name));
}

std::optional<std::string> KeyedWrites::load_row(std::string_view key, std::string_view value) {
  Reader in(value);
  Aged aged{Index{row_number(key).value_or(0)}, {}};
  aged.name.first = in.text(limits::kIdempotencyKeyBytesMax);
  aged.name.second = in.text(limits::kIdempotencyKeyBytesMax);
  Kept kept;
  kept.body_hash = in.u64();
  kept.lease_ms = in.i64();
  kept.answer = in.text(limits::kEntryBytesMax);
  // The answer holds the index as its revision, and so the hash covers it.
  const std::optional<WriteResult> answer = decode_result(kept.answer);
  const bool sane = in.done() && answer && answer->revision == aged.kept_at && kept.lease_ms >= 0 &&
                    kept.lease_ms <= limits::kStampMax && !kept_.contains(aged.name);
  if (!sane) return "a kept answer makes no sense";
  const auto count = per_user_.find(aged.name.first);
  if (count != per_user_.end() && count->second >= limits::kKeyedWritesPerUserMax)
    return "a user has too many kept answers";
  insert(std::move(aged), std::move(kept));
  return std::nullopt;
}

}  // namespace patronus
