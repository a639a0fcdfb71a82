// A write that a node forwards may come through the log more than once: when its leader was lost on the way
// it is sent to the next. Each node numbers its writes; here is remembered which numbers were applied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/raft/configuration.h"
#include "core/state/changes.h"
#include "core/state/command.h"

namespace patronus {

class Deduplication {
 public:
  enum class Verdict : uint8_t { kFirst, kRepeated, kRefused };

  // Notes the write and says whether it is the first time. Writes outside their origin's window, or of a data
  // directory that is not a member's, are refused: the window bounds what must be remembered.
  Verdict note(const Origin& origin);

  // Members' windows are kept, others' forgotten.
  void set_members(const Configuration& configuration);

  uint64_t hash() const { return hash_; }

  // Rows: one for each window.
  Changes& changes() { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value);

 private:
  struct Window {
    uint64_t floor = 1;          // everything below was resolved by its origin
    std::set<uint64_t> applied;  // at or above the floor
  };

  static RowValue encoded(const Window& window);
  void touch(Incarnation incarnation) { changes_.touch(row_key(RowKind::kWindow, incarnation.value), *this); }

  std::map<Incarnation, Window> windows_;
  Changes changes_;
  uint64_t hash_ = 0;  // a sum over all facts above, so that it can be kept up step by step
};

}  // namespace patronus
