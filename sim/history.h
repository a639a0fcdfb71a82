// What clients asked and were told, with the times: the material of the linearizability check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace patronus::sim {

enum class OpKind : uint8_t {
  kRead,
  kPut,
  kDelete,
  kSwap,
  kRestore,  // of all keys at once, each to the value it had in a snapshot; no client's
};
// How a swap, or a deletion that is to happen only to what was seen, says what it expects.
enum class Guard : uint8_t {
  kNone,
  kValue,     // a batch that compares the value
  kRevision,  // a batch that compares the revision
  kElse,      // the same, which otherwise reads what is there
  kIfMatch,   // the header, which is answered with the revision that is there
};
enum class OpEnd : uint8_t {
  kPending,
  kOk,
  kFailed,   // certainly without effect: a swap whose comparison failed, a delete of nothing
  kUnknown,  // may have taken effect, or may yet
  kRefused,  // certainly without effect, for reasons that say nothing about the key
};

// Values are numbers, each written by one operation only; 0 is an absent key.
struct Op {
  uint32_t client = 0;
  OpKind kind = OpKind::kRead;
  uint32_t key = 0;
  uint64_t value = 0;  // put, swap: what is written; read: what was seen
  Guard guard = Guard::kNone;
  uint64_t expected = 0;           // swap, guarded deletion: the value that must be there; 0: none
  uint64_t expected_revision = 0;  // its revision
  // Where what was expected was not there: what was there instead, as far as the answer tells.
  std::optional<uint64_t> found;
  std::optional<uint64_t> found_revision;
  bool keyed = false;  // repeated under an idempotency key until answered
  OpEnd end = OpEnd::kPending;
  Instant invoked;
  Instant returned = Instant::never();
  uint64_t revision = 0;  // put, swap: of the write; read: of what was seen; as told
};

using OpHistory = std::vector<Op>;

// What a client does, as "puts 5 into k1"; and what becomes of it, as "is told that it is done".
[[nodiscard]] std::string describe_question(const Op& op);
[[nodiscard]] std::string describe_answer(const Op& op);

enum class Linearizable : uint8_t { kYes, kNo, kTooHard };

// Whether one key's operations, each a register's read, write, compare-and-swap or delete, or a restore, have
// an order that keeps real time and makes every answer right (Wing and Gong, with Lowe's memory of visited
// states). Each value is written once, and has the revision of that write, or of a restore that brought it
// back; answers that name other revisions can't all be right. Operations without an answer may take effect at
// any time after they were asked, or never.
[[nodiscard]] Linearizable check_key(const std::vector<Op>& ops, uint64_t steps_max);

}  // namespace patronus::sim
