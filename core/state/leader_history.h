// Who led the cluster and how that came about, as every node remembers it: the latest changes, and how many
// there were.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/raft/entry.h"
#include "core/requests/request.h"
#include "core/state/changes.h"

namespace patronus {

class LeaderHistory {
 public:
  // Takes note of the entry that opens a term. One whose payload does not decode is passed over.
  void note(const Entry& entry);

  // The latest first.
  History history() const { return {{changes_of_leader_.begin(), changes_of_leader_.end()}, total_}; }
  uint64_t total() const { return total_; }
  // Of all changes ever, also those no longer kept.
  uint64_t hash() const;

  // Rows: the counts, then one for each change that is kept, by its index.
  Changes& changes() { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);
  // When all rows are there: why they do not fit together, or nothing.
  [[nodiscard]] std::optional<std::string> fault() const;

 private:
  RowValue encoded_counts() const;
  static RowValue encoded(const LeaderChange& change);
  std::optional<std::string> load_counts(std::string_view value);

  static uint64_t hash_of(const LeaderChange& change);

  std::deque<LeaderChange> changes_of_leader_;
  uint64_t total_ = 0;
  uint64_t chain_ = 0;      // a running hash of all changes ever
  uint64_t kept_hash_ = 0;  // a sum over those that are kept
  Changes changes_;
};

}  // namespace patronus
