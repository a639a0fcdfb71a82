#include "core/state/leader_history.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/raft/leader_record.h"

namespace patronus {

void LeaderHistory::note(const Entry& entry) {
  const std::optional<LeaderRecord> record = decode_leader_record(entry.payload.view());
  if (!record) return;
  changes_.touch(row_key(RowKind::kLeaderCounts), *this);
  changes_.touch(row_key(RowKind::kLeader, entry.index.value), *this);
  changes_of_leader_.push_front({entry.index, entry.term, record->leader, record->cause, entry.stamp});
  kept_hash_ += hash_of(changes_of_leader_.front());
  if (changes_of_leader_.size() > limits::kHistoryLeadersMax) {
    changes_.touch(row_key(RowKind::kLeader, changes_of_leader_.back().index.value), *this);
    kept_hash_ -= hash_of(changes_of_leader_.back());
    changes_of_leader_.pop_back();
  }
  ++total_;
  std::string fact;
  Writer out(fact);
  encode(out, entry);
  chain_ = hash64(fact, chain_);
}

uint64_t LeaderHistory::hash_of(const LeaderChange& change) {
  return hash64(encoded(change).head, change.index.value);
}

uint64_t LeaderHistory::hash() const { return total_ == 0 ? 0 : hash64(encoded_counts().head) + kept_hash_; }

RowValue LeaderHistory::encoded_counts() const {
  RowValue value;
  Writer out(value.head);
  out.u64(total_);
  out.u64(chain_);
  return value;
}

RowValue LeaderHistory::encoded(const LeaderChange& change) {
  RowValue value;
  Writer out(value.head);
  out.u64(change.term.value);
  out.bytes(encode_leader_record({change.leader, change.cause}));
  out.i64(change.stamp.lease_ms);
  out.i64(change.stamp.wall_ms);
  return value;
}

void LeaderHistory::for_each_row(const RowVisitor& visit) const {
  if (total_ == 0) return;
  visit(row_key(RowKind::kLeaderCounts), encoded_counts());
  for (auto at = changes_of_leader_.rbegin(); at != changes_of_leader_.rend(); ++at)
    visit(row_key(RowKind::kLeader, at->index.value), encoded(*at));
}

std::optional<RowValue> LeaderHistory::row(std::string_view key) const {
  if (static_cast<RowKind>(key.front()) == RowKind::kLeaderCounts) {
    return total_ == 0 ? std::nullopt : std::optional(encoded_counts());
  }
  const Index index{row_number(key).value_or(0)};
  const auto at = std::find_if(changes_of_leader_.begin(), changes_of_leader_.end(),
                               [&](const LeaderChange& change) { return change.index == index; });
  return at == changes_of_leader_.end() ? std::nullopt : std::optional(encoded(*at));
}

std::optional<std::string> LeaderHistory::load_counts(std::string_view value) {
  Reader in(value);
  total_ = in.u64();
  chain_ = in.u64();
  if (!in.done() || total_ == 0) return "the counts of leaders make no sense";
  return std::nullopt;
}

std::optional<std::string> LeaderHistory::load_row(std::string_view key, std::string_view value) {
  if (static_cast<RowKind>(key.front()) == RowKind::kLeaderCounts) {
    return key.size() == 1 ? load_counts(value) : std::optional<std::string>("an unknown row");
  }
  Reader in(value);
  LeaderChange change;
  change.index = Index{row_number(key).value_or(0)};
  change.term = Term{in.u64()};
  const std::optional<LeaderRecord> record = decode_leader_record(in.bytes(limits::kEntryBytesMax));
  change.stamp.lease_ms = in.i64();
  change.stamp.wall_ms = in.i64();
  const bool in_order = changes_of_leader_.empty() || changes_of_leader_.front().index < change.index;
  if (!in.done() || !record || !change.index || !in_order) return "a change of leader makes no sense";
  change.leader = record->leader;
  change.cause = record->cause;
  kept_hash_ += hash_of(change);
  changes_of_leader_.push_front(std::move(change));
  return std::nullopt;
}

std::optional<std::string> LeaderHistory::fault() const {
  const bool whole = changes_of_leader_.size() == std::min<uint64_t>(total_, limits::kHistoryLeadersMax);
  return whole ? std::nullopt : std::optional<std::string>("changes of leader are missing");
}

}  // namespace patronus
