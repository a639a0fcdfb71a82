#include <algorithm>
#include <compare>
#include <map>
#include <set>
#include <utility>

#include "sim/history.h"

namespace patronus::sim {
namespace {

// A bit for each operation, beyond 64 of them too.
using Bits = std::vector<uint64_t>;

bool get(const Bits& bits, size_t i) { return ((bits[i / 64] >> (i % 64)) & 1U) != 0; }
void flip(Bits& bits, size_t i) { bits[i / 64] ^= uint64_t{1} << (i % 64); }

// What the register holds: a value, 0 if there is none, and where a restore brought it back the revision of
// that. Otherwise it has the revision of the write that wrote it.
struct Content {
  uint64_t value = 0;
  uint64_t restored = 0;

  friend auto operator<=>(const Content&, const Content&) = default;
};

// What answers tell of revisions.
struct Revisions {
  std::map<uint64_t, uint64_t> written;  // by value; not all are told
  std::set<uint64_t> restores;

  bool fit(const Content& content, uint64_t revision) const {
    if (content.value == 0 || revision == 0) return content.value == 0 && revision == 0;
    if (content.restored != 0) return revision == content.restored;
    const auto known = written.find(content.value);
    return known == written.end() ? !restores.contains(revision) : known->second == revision;
  }
};

// Nothing if they contradict each other.
std::optional<Revisions> revisions_of(const std::vector<Op>& ops) {
  Revisions all;
  std::map<uint64_t, uint64_t> by_revision;
  for (const Op& op : ops) {
    if (op.kind == OpKind::kRestore) all.restores.insert(op.revision);
  }
  const auto learn = [&](uint64_t value, uint64_t revision) {
    if (value == 0 || revision == 0) return (value == 0) == (revision == 0);
    // Whether the value was brought back by it is seen in the order.
    if (all.restores.contains(revision)) return true;
    return all.written.emplace(value, revision).first->second == revision &&
           by_revision.emplace(revision, value).first->second == value;
  };
  for (const Op& op : ops) {
    const bool tells = op.end == OpEnd::kOk && op.kind != OpKind::kDelete && op.kind != OpKind::kRestore;
    if (tells && !learn(op.value, op.revision)) return std::nullopt;
    if (op.end == OpEnd::kFailed && op.found && op.found_revision && !learn(*op.found, *op.found_revision))
      return std::nullopt;
  }
  return all;
}

// Whether the condition of a write holds.
bool meets(const Op& op, const Content& content, const Revisions& revisions) {
  if (content.value != op.expected) return false;
  const bool by_value = op.guard == Guard::kValue || op.guard == Guard::kNone || op.expected_revision == 0;
  return by_value || revisions.fit(content, op.expected_revision);
}

// Whether what was there may be what the answer to a condition that did not hold says.
bool fits_what_was_found(const Op& op, const Content& content, const Revisions& revisions) {
  if (meets(op, content, revisions) || (op.found && *op.found != content.value)) return false;
  return !op.found_revision || revisions.fit(content, *op.found_revision);
}

// What the register holds after the operation, or false if the answer it got is wrong at this point.
bool apply(const Op& op, const Content& before, Content& next, const Revisions& revisions) {
  next = before;
  const bool unknown = op.end == OpEnd::kUnknown || op.end == OpEnd::kPending;
  switch (op.kind) {
    case OpKind::kRead:
      return op.value == before.value && revisions.fit(before, op.revision);
    case OpKind::kPut:
      next = {op.value, 0};
      return true;
    case OpKind::kRestore:
      // What is as it was in the snapshot keeps its revision.
      if (op.value != before.value) next = {op.value, op.value == 0 ? 0 : op.revision};
      return true;
    case OpKind::kDelete:
      if (op.guard != Guard::kNone) {
        if (op.end == OpEnd::kFailed) return fits_what_was_found(op, before, revisions);
        next = {};
        return meets(op, before, revisions);
      }
      if (op.end == OpEnd::kFailed) return before.value == 0;
      next = {};
      return unknown || before.value != 0;
    case OpKind::kSwap:
      if (op.end == OpEnd::kFailed) return fits_what_was_found(op, before, revisions);
      if (!meets(op, before, revisions)) return false;  // an unknown swap without effect is one left out
      next = {op.value, 0};
      return true;
  }
  return false;
}

class Search {
 public:
  Search(std::vector<Op> ops, Revisions revisions, uint64_t steps_max)
      : ops_(std::move(ops)), revisions_(std::move(revisions)), steps_max_(steps_max) {
    std::sort(ops_.begin(), ops_.end(), [](const Op& a, const Op& b) { return a.invoked < b.invoked; });
    done_.assign(ops_.size() / 64 + 1, 0);
    for (const Op& op : ops_) must_ += is_optional(op) ? size_t{0} : size_t{1};
  }

  Linearizable run() {
    struct Frame {
      size_t op;
      Content before;
    };
    std::vector<Frame> stack;
    Content value;
    size_t left = must_;
    size_t candidate = 0;
    while (left > 0) {
      if (++steps_ > steps_max_) return Linearizable::kTooHard;
      const Instant horizon = first_return();
      bool moved = false;
      for (; candidate < ops_.size() && ops_[candidate].invoked <= horizon; ++candidate) {
        Content next;
        if (get(done_, candidate) || !apply(ops_[candidate], value, next, revisions_)) continue;
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
  Revisions revisions_;
  uint64_t steps_max_;
  uint64_t steps_ = 0;
  size_t must_ = 0;
  Bits done_;
  std::set<std::pair<Bits, Content>> seen_;
};

}  // namespace

Linearizable check_key(const std::vector<Op>& ops, uint64_t steps_max) {
  std::vector<Op> relevant;
  for (const Op& op : ops) {
    const bool says_nothing = op.end == OpEnd::kRefused || (op.kind == OpKind::kRead && op.end != OpEnd::kOk);
    if (!says_nothing) relevant.push_back(op);
  }
  std::optional<Revisions> revisions = revisions_of(relevant);
  if (!revisions) return Linearizable::kNo;
  return Search(std::move(relevant), std::move(*revisions), steps_max).run();
}

}  // namespace patronus::sim
