// The replicated state in memory: what the log decides, the same on every node at the same index. apply()
// reads nothing but the entry and the state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/raft/base.h"
#include "core/raft/entry.h"
#include "core/requests/request.h"
#include "core/state/accounts.h"
#include "core/state/changes.h"
#include "core/state/command.h"
#include "core/state/deduplication.h"
#include "core/state/keyed_writes.h"
#include "core/state/leader_history.h"
#include "core/state/members.h"
#include "core/state/rows.h"
#include "core/state/staging.h"
#include "core/state/tables.h"

namespace patronus {

// What one entry did, for the node that waits for it.
struct Applied {
  std::optional<Origin> origin;  // of a command that was applied now or before
  WriteResult result;
};

class Store {
 public:
  // Applies the next entry; entries come in order, each once.
  Applied apply(const Entry& entry);

  Index applied() const { return base_.index; }
  // The last entry that was applied, and the last configuration among those that were.
  const Base& base() const { return base_; }
  // Of the whole state; equal on every node at the same applied index.
  uint64_t hash() const;
  // Keys, values and kept answers, with an allowance for their bookkeeping.
  size_t bytes() const { return bytes_ + keyed_.bytes() + accounts_.bytes() + tables_.bytes(); }
  size_t keys() const { return keys_; }

  // Null if the key does not exist. Lives until the next apply.
  const Record* get(std::string_view ns, std::string_view key) const;
  ListPage list(const ListQuery& query) const;
  // The answer that is kept for this request, if it was done before (KeyedWrites::answer).
  std::optional<WriteResult> kept_answer(const IdempotencyKey& key) const { return keyed_.answer(key); }
  const Accounts& accounts() const { return accounts_; }
  const Members& members() const { return members_; }
  // What is staged to be restored; it counts for nothing before it is.
  const Staging& staging() const { return staging_; }
  // What the dashboard shows.
  const Tables& tables() const { return tables_; }
  uint64_t leader_changes() const { return leaders_.total(); }
  // The latest leader changes first.
  History history() const { return leaders_.history(); }

  // All rows, in ascending order of their keys (store_rows.cpp).
  void for_each_row(const RowVisitor& visit) const;
  // A checkpoint of the state as it is now begins: take_changes() then gives, in as many calls as it takes
  // and however much is applied between them, the rows that changed since the last checkpoint began, as they
  // are now. The one before must have been taken whole.
  void begin_changes();
  // The next one shall have all rows. Marks at most so many keys more, and says whether all rows are marked
  // now; what changes meanwhile is anyway. Not while one is under way.
  [[nodiscard]] bool mark_rows(size_t keys_max);
  // Adds rows to `out` until the budget is spent, at least one if any is left. False: there are no more.
  [[nodiscard]] bool take_changes(RowBudget budget, std::vector<Row>& out);

  // The same, for the dashboard's database and the rows that is_projected() names (store_projection.cpp);
  // changes are noted only while that is on.
  void project(bool on);
  bool has_projected_changes() const;
  // Of all rows, or of those that changed since the last copy began. It must be on.
  void begin_projection(bool all);
  [[nodiscard]] bool take_projection(RowBudget budget, std::vector<Row>& out);
  void for_each_projected_row(const RowVisitor& visit) const;

 private:
  friend class StoreLoader;
  struct Stored {
    Record record;
    uint64_t hash = 0;
  };
  using Keys = std::map<std::string, Stored, std::less<>>;

  WriteResult execute(const Command& command, Index at, const Stamp& stamp);
  WriteResult execute_table(const TableOp& op, Index at, const Stamp& stamp);
  // The answer's values and keys stay within returned_max, or nothing is done.
  WriteResult execute_once(const WriteOp& op, Index at, const Stamp& stamp, size_t returned_max);
  // store_restore.cpp
  WriteResult execute_restore(const RestoreOp& op, const Authority* authority, Index at, const Stamp& stamp);
  RestoreCounts become_staged(Index at);
  WriteResult execute_op(const PutOp& op, Index at, size_t returned_max);
  WriteResult execute_op(const DeleteOp& op, Index at, size_t returned_max);
  WriteResult execute_op(const BatchOp& op, Index at, size_t returned_max);
  bool holds(const std::string& ns, const Compare& compare) const;
  // Why a batch's branch can't be done, checked before anything of it is.
  std::optional<Outcome> batch_obstacle(const std::string& ns, const std::vector<BatchStep>& steps,
                                        size_t returned_max) const;
  void run_steps(const BatchOp& op, const std::vector<BatchStep>& steps, Index at, WriteResult& result);
  const Record& put(std::string_view ns, std::string_view key, const Blob& value,
                    const std::string& content_type, Index at);
  bool erase(std::string_view ns, std::string_view key);
  // What put and erase share with a walk over many keys: the slot, new if its version is 0, gets this
  // content; or goes, and the next one is given. Its row was touched before.
  void assign(std::string_view ns, Keys::iterator slot, const Blob& value, std::string_view content_type,
              Index at);
  Keys::iterator take_out(Keys& keys, Keys::iterator slot);
  uint64_t erase_prefix(std::string_view ns, std::string_view prefix);

  // The rows of keys; other components have their own (store_rows.cpp).
  friend class Changes;
  friend class ProjectedRows;
  void touch(std::string_view ns, std::string_view key);
  std::optional<RowValue> row(std::string_view key) const;
  void for_each_key_row(const RowVisitor& visit) const;
  [[nodiscard]] std::optional<std::string> load_key_row(std::string_view key, std::string_view value,
                                                        bool keeps_it);
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value,
                                                    bool keeps_keys);
  static uint64_t hash_of(std::string_view ns, std::string_view key, const Record& record);
  void add_loaded(const std::string& ns, std::string key, Record record);

  Base base_;
  std::map<std::string, Keys, std::less<>> namespaces_;
  size_t bytes_ = 0;
  size_t keys_ = 0;
  uint64_t content_hash_ = 0;
  Changes changes_;                                               // of keys
  std::optional<std::pair<std::string, std::string>> marked_to_;  // namespace and key
  Accounts accounts_;
  Members members_;
  Deduplication deduplication_;
  KeyedWrites keyed_;
  LeaderHistory leaders_;
  Staging staging_;
  Tables tables_;
};

// Builds a state from its rows. What it is given may be anything: what can't be a state is refused with a
// reason.
class StoreLoader {
 public:
  explicit StoreLoader(Base base);

  // Rows come in ascending order of their keys. Nothing on success; after an error no more is to be added.
  [[nodiscard]] std::optional<std::string> add(std::string_view key, std::string_view value);
  // When all rows were added: the state, whose hash must be the one that it had; nothing: it is a choice of
  // rows that was not a state before.
  [[nodiscard]] std::variant<Store, std::string> finish(std::optional<uint64_t> expected_hash) &&;

  size_t rows() const { return rows_; }

 private:
  friend class StateCheck;
  std::optional<std::string> fault(std::optional<uint64_t> expected_hash) const;

  Store store_;
  std::string last_key_;
  size_t rows_ = 0;
  bool keeps_keys_ = true;
};

// Whether rows are those of the state that was written, without the memory that the state's keys take.
class StateCheck {
 public:
  explicit StateCheck(Base base) : loader_(std::move(base)) { loader_.keeps_keys_ = false; }

  // As of a StoreLoader.
  [[nodiscard]] std::optional<std::string> add(std::string_view key, std::string_view value) {
    return loader_.add(key, value);
  }
  // When all rows were added: why they are not, or nothing.
  [[nodiscard]] std::optional<std::string> fault(uint64_t expected_hash) const {
    return loader_.fault(expected_hash);
  }

 private:
  StoreLoader loader_;
};

}  // namespace patronus
