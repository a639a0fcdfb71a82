// Which rows of a component changed since the last checkpoint began, and how the rows of a checkpoint that is
// being taken piece by piece stay as they were when it began: a row that is about to change before its turn
// is taken then and there (copy on write).
//
// A component says touch() before it changes a row; `source.row(key)` gives a row's value as it is, or
// nothing if there is none.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/mutant.h"
#include "core/state/projected_rows.h"
#include "core/state/rows.h"

namespace patronus {

class Changes {
 public:
  // A place to build row keys in, again and again.
  std::string& scratch() { return scratch_; }
  template <typename Source>
  void touch(std::string_view key, const Source& source) {
    Keys::node_type moved;  // from the one set to the other, since a restore may touch every row in one entry
    if (!pending_.empty() && !MUTANT(kNoCopyOnWrite)) {
      const auto at = pending_.find(key);
      if (at != pending_.end()) {
        keep({*at, source.row(*at)});
        moved = pending_.extract(at);
      }
    }
    if (projected_ && is_projected(key)) projected_->touch(key, source);
    const auto place = dirty_.lower_bound(key);
    if (place != dirty_.end() && *place == key) return;
    if (moved) {
      dirty_.insert(place, std::move(moved));
    } else {
      dirty_.emplace_hint(place, key);
    }
  }

  // The next checkpoint has this row, though it has not changed. While none is under way.
  void mark(std::string_view key) {
    PATRONUS_ASSERT(!taking(), "rows are marked between checkpoints");
    dirty_.emplace_hint(dirty_.end(), key);
  }

  // A checkpoint of the component as it is now begins; the one before must have been taken whole.
  void begin() {
    PATRONUS_ASSERT(!taking(), "one checkpoint is taken after the other");
    pending_.swap(dirty_);
  }
  // Takes rows of the checkpoint until the budget is spent; at least one if there is any.
  template <typename Source>
  void take(const Source& source, RowBudget& budget, std::vector<Row>& out) {
    while (!taken_.empty() && !budget.spent()) {
      std::vector<Row>& last = taken_.back();
      out.push_back(std::move(last.back()));
      last.pop_back();
      budget.charge(out.back());
      if (last.empty()) taken_.pop_back();
    }
    while (!pending_.empty() && !budget.spent()) {
      auto node = pending_.extract(pending_.begin());
      std::optional<RowValue> value = source.row(node.value());
      out.push_back({std::move(node.value()), std::move(value)});
      budget.charge(out.back());
    }
  }
  bool taking() const { return !pending_.empty() || !taken_.empty(); }
  // The second consumer, if there is one: whoever copies the rows that is_projected() names.
  void project(bool on) {
    if (on != projected_.has_value())
      projected_ = on ? std::optional<ProjectedRows>(std::in_place) : std::nullopt;
  }
  const ProjectedRows* projected() const { return projected_ ? &*projected_ : nullptr; }
  ProjectedRows* projected() { return projected_ ? &*projected_ : nullptr; }
  // Rows that changed since the last checkpoint began.
  size_t size() const { return dirty_.size(); }

 private:
  using Keys = std::set<std::string, std::less<>>;
  static constexpr size_t kChunkRows = 1'024;

  void keep(Row&& row) {
    if (taken_.empty() || taken_.back().size() == kChunkRows) taken_.emplace_back().reserve(kChunkRows);
    taken_.back().push_back(std::move(row));
  }

  Keys dirty_;
  Keys pending_;
  // In chunks, none of them empty: a vector of all rows would be moved as it grows.
  std::vector<std::vector<Row>> taken_;
  std::string scratch_;
  std::optional<ProjectedRows> projected_;
};

}  // namespace patronus
