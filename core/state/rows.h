// The one canonical form of the replicated state outside memory: rows, a key and a value each, ordered by
// key. The image on disk holds them, and whatever carries state from node to node. The same state gives the
// same rows on every node.
//
// The first byte of a row's key is its kind, and each component of the state has kinds of its own, so that
// rows in order are components in order. What a row holds is described where its component is encoded
// (*_rows.cpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace patronus {

// A new component takes the next number.
enum class RowKind : uint8_t {
  kKeptAnswer = 1,  // by the index at which it was kept: so they are in the order in which they expire
  kSigningKeys = 2,
  kSession = 3,
  kUser = 4,
  kWindow = 5,  // of the writes of one data directory
  kLeaderCounts = 6,
  kLeader = 7,
  kKey = 8,
  kWanted = 9,  // nodes, by their id
  kLeaving = 10,
  kRemoved = 11,
  kAnew = 12,
  kFormer = 13,  // clusters
  kRestore = 14,
  kStagedPiece = 15,  // by its number
  // The dashboard's tables.
  kTables = 16,  // their schema
  kSite = 17,
  kPolicy = 18,
  kEndpointState = 19,  // by its site and address
  kPathState = 20,      // by its path's four parts
  kAudit = 21,          // by the index of what was done
};

// The rows that every node copies to the dashboard's database (core/projector.h).
inline bool is_projected(std::string_view key) {
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kSigningKeys:
    case RowKind::kUser:
    case RowKind::kTables:
    case RowKind::kSite:
    case RowKind::kPolicy:
    case RowKind::kEndpointState:
    case RowKind::kPathState:
    case RowKind::kAudit:
      return true;
    default:
      return false;
  }
}

// The bytes of a value are `head` and then `tail`; what is large is shared with the state, not copied.
struct RowValue {
  std::string head;
  Blob tail;

  size_t size() const { return head.size() + tail.size(); }
  std::string text() const { return head + std::string(tail.view()); }
};

struct Row {
  std::string key;                // 1 to kRowKeyBytesMax bytes
  std::optional<RowValue> value;  // nothing: there is no such row any more
};

using RowVisitor = std::function<void(std::string_view key, const RowValue& value)>;

// How much is taken at a time: at least one row, and no more than either bound once there is one.
struct RowBudget {
  size_t rows = 0;
  size_t bytes = 0;

  bool spent() const { return rows == 0 || bytes == 0; }
  void charge(const Row& row) {
    --rows;
    const size_t size = row.key.size() + (row.value ? row.value->size() : 0);
    bytes -= std::min(bytes, size);
  }
};

// Begins a row's key: its kind, then what the component adds. Numbers go in big-endian, so that rows are in
// their order.
inline std::string row_key(RowKind kind, std::string_view rest = {}) {
  std::string key(1, static_cast<char>(kind));
  key += rest;
  return key;
}
inline std::string row_key(RowKind kind, uint64_t number) {
  std::string key(1, static_cast<char>(kind));
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((number >> shift) & 0xff));
  return key;
}
// The number in such a key; nothing if the key is not one.
inline std::optional<uint64_t> row_number(std::string_view key) {
  if (key.size() != 9) return std::nullopt;
  uint64_t number = 0;
  for (const char c : key.substr(1)) number = (number << 8) | static_cast<unsigned char>(c);
  return number;
}

}  // namespace patronus
