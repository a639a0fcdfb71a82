#include "core/state/staged_rows.h"

#include <utility>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/state/command.h"
#include "core/state/key_rows.h"
#include "core/state/rows.h"

namespace patronus {

bool is_staged_table_row(std::string_view row_key) {
  if (row_key.empty()) return false;
  const auto kind = static_cast<RowKind>(row_key.front());
  return kind == RowKind::kTables || kind == RowKind::kSite || kind == RowKind::kPolicy;
}

void put_staged(std::string& out, const StagedRow& row) {
  Writer writer(out);
  writer.bytes(row.ns);
  writer.bytes(row.key);
  writer.bytes(row.content_type);
  writer.bytes(row.value);
}

std::optional<StagedRow> StagedReader::next() {
  if (!ok_ || at_ == rows_.size()) return std::nullopt;
  Reader in(rows_.substr(at_));
  StagedRow row;
  row.ns = in.bytes(limits::kNamespaceBytesMax);
  row.key = in.bytes(limits::kKeyBytesMax);
  row.content_type = in.bytes(limits::kContentTypeBytesMax);
  row.value = in.bytes(limits::kValueBytesMax);
  const bool is_sane = row.ns == kStagedTables ? is_staged_table_row(row.key)
                                               : !namespace_fault(row.ns) && !key_fault(row.key);
  ok_ = in.ok() && is_sane;
  if (!ok_) return std::nullopt;
  begin_ = at_;
  at_ += in.position();
  return row;
}

bool StagedSum::add(std::string_view piece) {
  StagedSum sum{rows, hash, cost, {}, {}};
  std::pair<std::string_view, std::string_view> last(last_ns, last_key);
  StagedReader in(piece);
  while (const std::optional<StagedRow> row = in.next()) {
    const std::pair now(row->ns, row->key);
    if (sum.rows > 0 && now <= last) return false;
    last = now;
    ++sum.rows;
    sum.hash = hash64(in.bytes(), sum.hash);
    sum.cost += key_cost(row->key.size(), row->value.size(), row->content_type.size());
  }
  if (!in.ok() || sum.rows == rows || sum.rows - rows > limits::kStagedPieceRowsMax) return false;
  sum.last_ns = last.first;
  sum.last_key = last.second;
  *this = std::move(sum);
  return true;
}

}  // namespace patronus
