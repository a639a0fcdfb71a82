// Keys, sites and policies on their way from a snapshot into the state: rows of a namespace, a key, a content
// type and a value, one after the other, in ascending order of namespace and key. Revisions of keys do not
// travel: they go on from those there are.
//
// What the dashboard shows is in a namespace that no client can write to, behind all others: the schema of
// the tables, then sites, then policies, each with its row's key and value (core/state/rows.h). Without the
// schema the snapshot knows nothing of tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus {

inline constexpr std::string_view kStagedTables = "~";

// Whether such a row is staged, by its key.
[[nodiscard]] bool is_staged_table_row(std::string_view row_key);

struct StagedRow {
  std::string_view ns;
  std::string_view key;
  std::string_view content_type;
  std::string_view value;
};

// Appends the row.
void put_staged(std::string& out, const StagedRow& row);

// Reads rows from bytes that it does not own; what a client could not have written is refused.
class StagedReader {
 public:
  explicit StagedReader(std::string_view rows) : rows_(rows) {}

  // Nothing at the end, or if what follows is no row: then ok() is false.
  [[nodiscard]] std::optional<StagedRow> next();
  bool ok() const { return ok_; }
  // The bytes of the row that was given last.
  std::string_view bytes() const { return rows_.substr(begin_, at_ - begin_); }

 private:
  std::string_view rows_;
  size_t begin_ = 0;
  size_t at_ = 0;
  bool ok_ = true;
};

// The rows of several pieces taken together: their order, how many, what they would cost as keys, and a hash
// that is chained from row to row, so that it does not matter where pieces end.
struct StagedSum {
  uint64_t rows = 0;
  uint64_t hash = 0;
  uint64_t cost = 0;
  std::string last_ns;  // of the last row
  std::string last_key;

  // Takes in the rows of the next piece; false if they are none, or out of order: then nothing changed.
  [[nodiscard]] bool add(std::string_view piece);

  friend bool operator==(const StagedSum&, const StagedSum&) = default;
};

}  // namespace patronus
