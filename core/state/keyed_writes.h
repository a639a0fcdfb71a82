// Answers to writes that clients gave a name (Idempotency-Key), kept so that a repeated request gets the same
// answer: across a lost connection, a change of leader, a restart.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/types.h"
#include "core/raft/entry.h"
#include "core/state/changes.h"
#include "core/state/command.h"

namespace patronus {

class KeyedWrites {
 public:
  // The kept answer to this request; or a refusal if the key was used for another one, or its user's kept
  // keys are at their cap; or nothing: the write is new and may be executed.
  std::optional<WriteResult> answer(const IdempotencyKey& key) const;
  // Keeps the answer of a write that was executed at this time; its revision is the entry's, so no two are
  // the same.
  void keep(const IdempotencyKey& key, const WriteResult& result, const Stamp& stamp);
  // Forgets what is older than it is kept, a bounded number at a time.
  void expire(const Stamp& now);

  size_t bytes() const { return bytes_; }
  uint64_t hash() const { return hash_; }

  // Rows: one for each kept answer, the oldest first.
  Changes& changes() { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);

 private:
  using Name = std::pair<std::string, std::string>;  // user, key
  struct Kept {
    uint64_t body_hash = 0;
    std::string answer;  // encoded
    int64_t lease_ms = 0;
    uint64_t hash = 0;
  };

  struct Aged {
    Index kept_at;  // by the entry
    Name name;
  };

  static uint64_t hash_of(const Name& name, const Kept& kept);
  static RowValue encoded(const Name& name, const Kept& kept);
  void insert(Aged aged, Kept kept);
  void touch(Index kept_at) { changes_.touch(row_key(RowKind::kKeptAnswer, kept_at.value), *this); }

  std::map<Name, Kept> kept_;
  std::deque<Aged> by_age_;  // the oldest first; lease time never goes back, so this is the order of keeping
  Changes changes_;
  std::map<std::string, size_t> per_user_;
  size_t bytes_ = 0;
  uint64_t hash_ = 0;
};

}  // namespace patronus
