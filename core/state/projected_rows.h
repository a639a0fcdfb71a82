// Which rows of a component changed since a copy of them for the dashboard's database last began, and how the
// rows of such a copy, taken piece by piece, stay as they were when it began: as in core/state/changes.h,
// whose second consumer this is. Besides what changed it can give all rows, in order, without a list of them:
// a cursor goes through the component, and of what lies before it a row that is about to change is taken then
// and there.
//
// `source.row(key)` gives a row's value as it is; `source.projected_key_after(key)` the first key behind that
// one, which need not exist itself.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/mutant.h"
#include "core/state/rows.h"

namespace patronus {

class ProjectedRows {
 public:
  // Before this row changes.
  template <typename Source>
  void touch(std::string_view key, const Source& source) {
    const bool is_due = taking_ && key > cursor_ && (all_ || pending_.contains(key));
    if (is_due && !early_.contains(key) && !MUTANT(kNoCopyOnWrite)) early_.emplace(key, source.row(key));
    dirty_.emplace(key);
  }

  // A copy of the component as it is now begins, of all rows or of those that changed since the last one
  // began; the one before must have been taken whole.
  void begin(bool all) {
    PATRONUS_ASSERT(!taking_, "one copy is taken after the other");
    pending_ = std::exchange(dirty_, {});
    if (all) pending_.clear();
    all_ = all;
    taking_ = all || !pending_.empty();
    cursor_.clear();
  }
  // Takes rows in order until the budget is spent; at least one if there is any. A row that is gone has no
  // value, and where all are taken it is left out.
  template <typename Source>
  void take(const Source& source, RowBudget& budget, std::vector<Row>& out) {
    while (taking_ && !budget.spent()) {
      std::optional<std::string> next = next_key(source);
      if (!next) {
        taking_ = false;
        pending_.clear();
        early_.clear();
        return;
      }
      cursor_ = std::move(*next);
      const auto early = early_.find(cursor_);
      std::optional<RowValue> value = early == early_.end() ? source.row(cursor_) : std::move(early->second);
      if (early != early_.end()) early_.erase(early);
      if (all_ && !value) continue;
      out.push_back({cursor_, std::move(value)});
      budget.charge(out.back());
    }
  }
  bool taking() const { return taking_; }
  // Something changed since the last copy began.
  bool has_changes() const { return !dirty_.empty(); }

 private:
  template <typename Source>
  std::optional<std::string> next_key(const Source& source) const {
    if (!all_) {
      const auto next = pending_.upper_bound(cursor_);
      return next == pending_.end() ? std::nullopt : std::optional(*next);
    }
    std::optional<std::string> next = source.projected_key_after(cursor_);
    // What is gone since it began.
    const auto early = early_.upper_bound(cursor_);
    if (early != early_.end() && (!next || early->first < *next)) return early->first;
    return next;
  }

  std::set<std::string, std::less<>> dirty_;
  bool taking_ = false;
  bool all_ = false;
  std::string cursor_;                                                 // all up to it were taken
  std::set<std::string, std::less<>> pending_;                         // of a copy of what changed
  std::map<std::string, std::optional<RowValue>, std::less<>> early_;  // taken before their turn
};

}  // namespace patronus
