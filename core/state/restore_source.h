// A snapshot's bytes in, the pieces to be staged out: keys, sites and policies, each looked at, so that
// nothing that could not be staged is begun with. Whatever else a snapshot holds, also of later versions, is
// passed over.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/limits.h"
#include "core/snapshot.h"
#include "core/state/artefact_format.h"
#include "core/state/staged_rows.h"
#include "core/state/tables.h"

namespace patronus {

class RestoreSource {
 public:
  struct Piece {
    std::string rows;
    uint64_t count = 0;
  };

  // `keep_pieces`: otherwise it only says what is in the snapshot.
  explicit RestoreSource(bool keep_pieces, size_t piece_rows_max = limits::kStagedPieceRowsMax);
  RestoreSource(const RestoreSource&) = delete;
  RestoreSource& operator=(const RestoreSource&) = delete;

  // The next bytes, in pieces of any size. Nothing, or what is wrong with them; after that no more is to be
  // given.
  [[nodiscard]] std::optional<std::string> feed(std::string_view bytes);
  // When all bytes were given: whether they were a whole snapshot. Then the last piece is there.
  [[nodiscard]] std::optional<std::string> finish();
  // After finish().
  SnapshotContent content() const;

  // The next piece that is complete.
  [[nodiscard]] std::optional<Piece> take();

 private:
  std::optional<std::string> add(std::string_view key, std::string_view value);
  std::optional<std::string> add_key(std::string_view key, std::string_view value);
  std::optional<std::string> put(const StagedRow& row);
  std::optional<std::string> close_piece();

  bool keep_pieces_;
  size_t piece_rows_max_;
  artefact::Decoder decoder_;
  Piece piece_;
  std::deque<Piece> done_;
  StagedSum sum_;
  uint64_t keys_ = 0;
  Tables tables_;  // to see whether what is staged of them fits together
};

}  // namespace patronus
