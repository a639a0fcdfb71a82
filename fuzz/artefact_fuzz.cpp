// Any bytes as a snapshot, whole and in pieces; and any rows as the state that one holds. What is taken for a
// state must have just these rows: a node that restored it and one that made it must not differ.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/raft/entry.h"
#include "core/state/artefact_format.h"
#include "core/state/restore_source.h"
#include "core/state/store.h"

namespace {

using namespace patronus;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

using Rows = std::vector<std::pair<std::string, std::string>>;

CheckpointEnd end_of_state() {
  CheckpointEnd end;
  end.base.index = Index{100};
  end.base.term = Term{3};
  end.base.stamp = {5, 6};
  end.base.configuration_index = Index{1};
  end.base.configuration = Configuration{{{1, 2}}, {{"a", Incarnation{1}, "a:1", "a:2", Standing::kVoter}}};
  return end;
}

void try_bytes(std::string_view bytes, size_t piece) {
  std::optional<std::string> whole;
  std::optional<std::string> in_pieces;
  artefact::Decoder one([](std::string_view, std::string_view) { return std::nullopt; });
  whole = one.feed(bytes);
  if (!whole) whole = one.finish();
  artefact::Decoder other([](std::string_view, std::string_view) { return std::nullopt; });
  for (std::string_view rest = bytes; !rest.empty() && !in_pieces;
       rest.remove_prefix(std::min(piece, rest.size())))
    in_pieces = other.feed(rest.substr(0, piece));
  if (!in_pieces) in_pieces = other.finish();
  require(whole.has_value() == in_pieces.has_value());
  require(one.rows() == other.rows() || whole);
}

// What is taken for a snapshot's keys can be staged, and the pieces are what was said of them.
void try_restore(const Rows& rows) {
  std::string bytes;
  artefact::Encoder encoder(end_of_state(), bytes);
  for (const auto& [key, value] : rows) {
    if (key.size() <= limits::kRowKeyBytesMax) encoder.add(key, value, bytes);
  }
  encoder.finish(bytes);
  RestoreSource source(true, 3);
  if (source.feed(bytes) || source.finish()) return;
  StagedSum sum;
  while (const std::optional<RestoreSource::Piece> piece = source.take()) require(sum.add(piece->rows));
  require(sum.rows == source.content().rows && sum.hash == source.content().rows_hash);
}

Rows read_rows(std::string_view bytes) {
  Rows rows;
  for (size_t at = 0; at + 2 < bytes.size();) {
    const size_t key = static_cast<unsigned char>(bytes[at]);
    const size_t value = static_cast<unsigned char>(bytes[at + 1]);
    at += 2;
    std::string first(bytes.substr(at, key));
    at += first.size();
    std::string second(bytes.substr(std::min(at, bytes.size()), value));
    at += second.size();
    rows.emplace_back(std::move(first), std::move(second));
  }
  return rows;
}

void try_rows(const Rows& rows) {
  StoreLoader loader(end_of_state().base);
  for (const auto& [key, value] : rows) {
    if (loader.add(key, value)) return;
  }
  std::variant<Store, std::string> built = std::move(loader).finish(std::nullopt);
  const auto* store = std::get_if<Store>(&built);
  if (store == nullptr) return;
  Rows again;
  store->for_each_row(
      [&](std::string_view key, const RowValue& value) { again.emplace_back(key, value.text()); });
  require(again == rows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 2 == 0) {
    try_bytes(text, 1 + data[1]);
  } else {
    try_rows(read_rows(text));
    try_restore(read_rows(text));
  }
  return 0;
}
