#include "core/state/snapshot_reading.h"

#include <algorithm>
#include <utility>

namespace patronus {

void SnapshotReading::answer(const SnapshotQuery& query, const ReadAt& read, SnapshotAnswer& out) {
  if (query.from_start) {
    task_ = query.task;
    id_ = query.id;
    source_ = std::make_unique<RestoreSource>(query.task == SnapshotTask::kRows, piece_rows_max_);
    at_ = 0;
    at_end_ = false;
    next_.reset();
  } else if (source_ == nullptr || task_ != query.task || id_ != query.id) {
    out.failure = "the snapshot is read for something else by now";
    return;
  }
  if (task_ == SnapshotTask::kCheck) {
    (void)go_on(read, limits::kSnapshotCheckBytes, out);
  } else {
    // One ahead, to know which is the last.
    std::optional<RestoreSource::Piece> piece =
        next_ ? std::exchange(next_, std::nullopt) : read_piece(read, out);
    if (piece) next_ = read_piece(read, out);
    if (piece) {
      out.bytes = std::move(piece->rows);
      out.rows = piece->count;
    }
  }
  const bool goes_on = out.failure.empty() && out.damage.empty();
  out.at_end = goes_on && at_end_ && !next_;
  if (out.at_end) out.content = source_->content();
  if (!goes_on || out.at_end) source_.reset();
}

std::optional<RestoreSource::Piece> SnapshotReading::read_piece(const ReadAt& read, SnapshotAnswer& out) {
  while (true) {
    if (std::optional<RestoreSource::Piece> piece = source_->take()) return piece;
    if (at_end_ || !go_on(read, limits::kStagedPieceBytes, out)) return std::nullopt;
  }
}

bool SnapshotReading::go_on(const ReadAt& read, size_t bytes_max, SnapshotAnswer& out) {
  for (size_t left = bytes_max; left > 0 && !at_end_;) {
    std::variant<std::string, Failed> bytes = read(at_, std::min<size_t>(left, limits::kMiB));
    if (auto* failed = std::get_if<Failed>(&bytes)) {
      out.failure = std::move(failed->reason);
      return false;
    }
    const std::string& more = std::get<std::string>(bytes);
    at_ += more.size();
    left -= std::min(left, more.size());
    at_end_ = more.empty();
    std::optional<std::string> fault = at_end_ ? source_->finish() : source_->feed(more);
    if (!fault && at_end_ && snapshot_id(source_->content().artefact) != id_)
      fault = "its content does not fit its name";
    if (!fault) continue;
    out.damage = std::move(*fault);
    return false;
  }
  return true;
}

}  // namespace patronus
