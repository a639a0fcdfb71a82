#include "core/state/restore_source.h"

#include <utility>

#include "core/state/command.h"
#include "core/state/key_rows.h"
#include "core/state/rows.h"

namespace patronus {

RestoreSource::RestoreSource(bool keep_pieces, size_t piece_rows_max)
    : keep_pieces_(keep_pieces),
      piece_rows_max_(piece_rows_max),
      decoder_([this](std::string_view key, std::string_view value) { return add(key, value); }) {}

std::optional<std::string> RestoreSource::feed(std::string_view bytes) { return decoder_.feed(bytes); }

std::optional<std::string> RestoreSource::finish() {
  if (auto fault = decoder_.finish()) return fault;
  return close_piece();
}

std::optional<std::string> RestoreSource::add(std::string_view key, std::string_view value) {
  if (key.empty()) return "a row of it has no key";
  if (static_cast<RowKind>(key.front()) == RowKind::kKey) return add_key(key, value);
  if (!is_staged_table_row(key)) return std::nullopt;
  if (auto fault = tables_.load_row(key, value, decoder_.end()->base.index)) return fault;
  return put({kStagedTables, key, {}, value});
}

std::optional<std::string> RestoreSource::add_key(std::string_view key, std::string_view value) {
  const KeyName name = key_name(key);
  if (name.ns.starts_with('_')) return std::nullopt;  // the system's own
  const std::optional<KeyRow> row = decode_key_row(value);
  if (!row || namespace_fault(name.ns) || key_fault(name.key) || row->value.size() > limits::kValueBytesMax)
    return "a key in it makes no sense";
  ++keys_;
  return put({name.ns, name.key, row->content_type, row->value});
}

std::optional<std::string> RestoreSource::put(const StagedRow& row) {
  const size_t more = 16 + row.ns.size() + row.key.size() + row.content_type.size() + row.value.size();
  const bool is_full = piece_.count > 0 && (piece_.rows.size() + more > limits::kStagedPieceBytes ||
                                            piece_.count >= piece_rows_max_);
  if (is_full) {
    if (auto fault = close_piece()) return fault;
  }
  put_staged(piece_.rows, row);
  ++piece_.count;
  return std::nullopt;
}

std::optional<std::string> RestoreSource::close_piece() {
  if (piece_.count == 0) return std::nullopt;
  if (!sum_.add(piece_.rows)) return "its keys are not in order";
  if (sum_.cost > limits::kStagingBytesMax) return "its keys take more than the quota of the state";
  if (keep_pieces_) {
    done_.push_back(std::exchange(piece_, {}));
  } else {
    piece_.rows.clear();
    piece_.count = 0;
  }
  return std::nullopt;
}

SnapshotContent RestoreSource::content() const {
  const Base& base = decoder_.end()->base;
  SnapshotContent content;
  content.artefact = decoder_.artefact();
  content.cluster = base.configuration->cluster_id;
  content.keys = keys_;
  content.sites = tables_.sites().size();
  content.policies = tables_.policies().size();
  content.has_tables = tables_.schema() > 0;
  content.rows = sum_.rows;
  content.rows_hash = sum_.hash;
  content.wall_ms = base.stamp.wall_ms;
  return content;
}

std::optional<RestoreSource::Piece> RestoreSource::take() {
  if (done_.empty()) return std::nullopt;
  Piece piece = std::move(done_.front());
  done_.pop_front();
  return piece;
}

}  // namespace patronus
