// The replicated state in memory: what the log decides, the same on every node at the same index. apply()
// reads nothing but the entry and the state.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/raft/entry.h"
#include "core/requests/request.h"
#include "core/state/accounts.h"
#include "core/state/command.h"
#include "core/state/deduplication.h"
#include "core/state/keyed_writes.h"
#include "core/state/members.h"

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

  Index applied() const { return applied_; }
  // Of the whole state; equal on every node at the same applied index.
  uint64_t hash() const;
  // Keys, values and kept answers, with an allowance for their bookkeeping.
  size_t bytes() const { return bytes_ + keyed_.bytes() + accounts_.bytes(); }
  size_t keys() const { return keys_; }

  // Null if the key does not exist. Lives until the next apply.
  const Record* get(std::string_view ns, std::string_view key) const;
  ListPage list(const ListQuery& query) const;
  const Accounts& accounts() const { return accounts_; }
  const Members& members() const { return members_; }
  uint64_t leader_changes() const { return leaders_total_; }
  // The latest leader changes first.
  History history() const;

 private:
  struct Stored {
    Record record;
    uint64_t hash = 0;
  };
  using Keys = std::map<std::string, Stored, std::less<>>;

  WriteResult execute(const Command& command, Index at, const Stamp& stamp);
  // The answer's values and keys stay within returned_max, or nothing is done.
  WriteResult execute_once(const WriteOp& op, Index at, const Stamp& stamp, size_t returned_max);
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
  uint64_t erase_prefix(std::string_view ns, std::string_view prefix);
  void note_leader(const Entry& entry);

  Index applied_;
  std::map<std::string, Keys, std::less<>> namespaces_;
  size_t bytes_ = 0;
  size_t keys_ = 0;
  uint64_t content_hash_ = 0;
  Accounts accounts_;
  Members members_;
  Deduplication deduplication_;
  KeyedWrites keyed_;
  std::deque<LeaderChange> leaders_;
  uint64_t leaders_total_ = 0;
  uint64_t leaders_hash_ = 0;
};

}  // namespace patronus
