// What clients asked and were told, with the times: the material of the linearizability check.
#pragma once

#include <cstdint>
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
  uint64_t value = 0;     // put, swap: what is written; read: what was seen
  uint64_t expected = 0;  // swap
  bool keyed = false;     // repeated under an idempotency key until answered
  OpEnd end = OpEnd::kPending;
  Instant invoked;
  Instant returned = Instant::never();
  uint64_t revision = 0;  // put, swap: of the write, as told
};

using OpHistory = std::vector<Op>;

enum class Linearizable : uint8_t { kYes, kNo, kTooHard };

// Whether one key's operations, each a register's read, write, compare-and-swap or delete, or a restore, have
// an order that keeps real time and makes every answer right (Wing and Gong, with Lowe's memory of visited
// states). Operations without an answer may take effect at any time after they were asked, or never.
[[nodiscard]] Linearizable check_key(const std::vector<Op>& ops, uint64_t steps_max);

}  // namespace patronus::sim
