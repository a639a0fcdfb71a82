#include "sim/database.h"

#include <utility>

#include "core/base/assert.h"

namespace patronus::sim {

bool Database::take(const Project& piece) {
  if (piece.begins) under_way_ = Transaction{piece.all ? Rows{} : rows_, {}};
  PATRONUS_ASSERT(under_way_ && !under_way_->end,
                  "a transaction begins with its first piece and ends with its last");
  for (const Row& row : piece.rows) {
    if (row.value) {
      under_way_->rows.insert_or_assign(row.key, row.value->text());
    } else {
      under_way_->rows.erase(row.key);
    }
  }
  under_way_->end = piece.end;
  return piece.end.has_value();
}

void Database::commit() {
  PATRONUS_ASSERT(under_way_ && under_way_->end, "only a whole transaction is committed");
  rows_ = std::move(under_way_->rows);
  index_ = under_way_->end->index;
  under_way_.reset();
  ++transactions_;
}

void Database::crash(Track& tape) {
  if (under_way_ && under_way_->end && tape.chance(500)) commit();
  under_way_.reset();
}

void Database::lose() {
  ++losses_;
  rows_.clear();
  index_ = Index{};
  under_way_.reset();
}

std::optional<std::string> difference(const Database& database, const Store& store) {
  Database::Rows wanted;
  store.for_each_projected_row(
      [&](std::string_view key, const RowValue& value) { wanted.emplace(key, value.text()); });
  if (wanted == database.rows()) return std::nullopt;
  size_t missing = 0;
  size_t other = 0;
  for (const auto& [key, value] : wanted) {
    const auto at = database.rows().find(key);
    missing += at == database.rows().end() ? 1U : 0U;
    other += at != database.rows().end() && at->second != value ? 1U : 0U;
  }
  const size_t extra = database.rows().size() + missing - wanted.size();
  return std::to_string(missing) + " rows are missing, " + std::to_string(other) + " are others, " +
         std::to_string(extra) + " are too many, as of entry " + std::to_string(database.index().value);
}

}  // namespace patronus::sim
