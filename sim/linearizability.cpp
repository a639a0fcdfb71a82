#include <algorithm>
#include <set>
#include <utility>

#include "sim/history.h"

namespace patronus::sim {
namespace {

// A bit for each operation, beyond 64 of them too.
using Bits = std::vector<uint64_t>;

bool get(const Bits& bits, size_t i) { return ((bits[i / 64] >> (i % 64)) & 1U) != 0; }
void flip(Bits& bits, size_t i) { bits[i / 64] ^= uint64_t{1} << (i % 64); }

// What the register holds after the operation, or false if the answer it got is wrong at this point.
bool apply(const Op& op, uint64_t value, uint64_t& next) {
  next = value;
  const bool unknown = op.end == OpEnd::kUnknown || op.end == OpEnd::kPending;
  switch (op.kind) {
    case OpKind::kRead:
      return op.value == value;
    case OpKind::kPut:
    case OpKind::kRestore:
      next = op.value;
      return true;
    case OpKind::kDelete:
      if (op.end == OpEnd::kFailed) return value == 0;
      next = 0;
      return unknown || value != 0;
    case OpKind::kSwap:
      if (op.end == OpEnd::kFailed) return value != op.expected;
      if (value != op.expected) return false;  // an unknown swap without effect is one left out
      next = op.value;
      return true;
  }
  return false;
}

class Search {
 public:
  Search(std::vector<Op> ops, uint64_t steps_max) : ops_(std::move(ops)), steps_max_(steps_max) {
    std::sort(ops_.begin(), ops_.end(), [](const Op& a, const Op& b) { return a.invoked < b.invoked; });
    done_.assign(ops_.size() / 64 + 1, 0);
    for (const Op& op : ops_) must_ += is_optional(op) ? size_t{0} : size_t{1};
  }

  Linearizable run() {
    struct Frame {
      size_t op;
      uint64_t before;
    };
    std::vector<Frame> stack;
    uint64_t value = 0;
    size_t left = must_;
    size_t candidate = 0;
    while (left > 0) {
      if (++steps_ > steps_max_) return Linearizable::kTooHard;
      const Instant horizon = first_return();
      bool moved = false;
      for (; candidate < ops_.size() && ops_[candidate].invoked <= horizon; ++candidate) {
        uint64_t next = 0;
        if (get(done_, candidate) || !apply(ops_[candidate], value, next)) continue;
        flip(done_, candidate);
        if (!seen_.insert({done_, next}).second) {
          flip(done_, candidate);
          continue;
        }
        stack.push_back({candidate, value});
        value = next;
        left -= is_optional(ops_[candidate]) ? size_t{0} : size_t{1};
        candidate = 0;
        moved = true;
        break;
      }
      if (moved) continue;
      if (stack.empty()) return Linearizable::kNo;
      const Frame frame = stack.back();
      stack.pop_back();
      flip(done_, frame.op);
      value = frame.before;
      left += is_optional(ops_[frame.op]) ? size_t{0} : size_t{1};
      candidate = frame.op + 1;
    }
    return Linearizable::kYes;
  }

 private:
  static bool is_optional(const Op& op) { return op.end == OpEnd::kUnknown || op.end == OpEnd::kPending; }

  // Whatever takes effect next was asked before the first answer that is still outstanding.
  Instant first_return() const {
    Instant first = Instant::never();
    for (size_t i = 0; i < ops_.size(); ++i) {
      if (get(done_, i) || is_optional(ops_[i])) continue;
      if (ops_[i].invoked > first) break;
      first = std::min(first, ops_[i].returned);
    }
    return first;
  }

  std::vector<Op> ops_;
  uint64_t steps_max_;
  uint64_t steps_ = 0;
  size_t must_ = 0;
  Bits done_;
  std::set<std::pair<Bits, uint64_t>> seen_;
};

}  // namespace

Linearizable check_key(const std::vector<Op>& ops, uint64_t steps_max) {
  std::vector<Op> relevant;
  for (const Op& op : ops) {
    const bool says_nothing = op.end == OpEnd::kRefused || (op.kind == OpKind::kRead && op.end != OpEnd::kOk);
    if (!says_nothing) relevant.push_back(op);
  }
  return Search(std::move(relevant), steps_max).run();
}

}  // namespace patronus::sim
