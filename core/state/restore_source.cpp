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
  if (static_cast<RowKind>(key.front()) != RowKind::kKey) return std::nullopt;
  const KeyName name = key_name(key);
  if (name.ns.starts_with('_')) return std::nullopt;  // the system's own
  const std::optional<KeyRow> row = decode_key_row(value);
  if (!row || namespace_fault(name.ns) || key_fault(name.key) || row->value.size() > limits::kValueBytesMax)
    return "a key in it makes no sense";
  const size_t more = 16 + name.ns.size() + name.key.size() + row->content_type.size() + row->value.size();
  const bool is_full = piece_.count > 0 && (piece_.rows.size() + more > limits::kStagedPieceBytes ||
                                            piece_.count >= piece_rows_max_);
  if (is_full) {
    if (auto fault = close_piece()) return fault;
  }
  put_staged(piece_.rows, {name.ns, name.key, row->content_type, row->value});
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
  return {decoder_.artefact(), base.configuration->cluster_id, sum_.rows, sum_.hash, base.stamp.wall_ms};
}

std::optional<RestoreSource::Piece> RestoreSource::take() {
  if (done_.empty()) return std::nullopt;
  Piece piece = std::move(done_.front());
  done_.pop_front();
  return piece;
}

}  // namespace patronus
