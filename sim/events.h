// Simulated time: a heap of things to happen. Time jumps to the next one. More of them within a second than
// any load explains are a storm: nodes that answer each other without end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "sim/violation.h"

namespace patronus::sim {

class Events {
 public:
  Instant now() const { return now_; }
  void at(Instant when, std::function<void()> what) {
    heap_.push({std::max(when, now_), next_++, std::move(what)});
  }
  void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
  bool empty() const { return heap_.empty(); }
  Instant next() const { return heap_.empty() ? Instant::never() : heap_.top().when; }
  uint64_t count() const { return count_; }
  // How many happened within a second, where they were most.
  uint64_t busiest() const { return busiest_; }

  // Does the next thing.
  void step() {
    // The top is const only because its key orders the heap; what is to be done is no part of the key.
    std::function<void()> what = std::move(const_cast<Item&>(heap_.top()).what);
    now_ = heap_.top().when;
    heap_.pop();
    ++count_;
    if (now_ - second_ >= std::chrono::seconds(1)) {
      second_ = now_;
      in_second_ = 0;
    }
    busiest_ = std::max(busiest_, ++in_second_);
    if (in_second_ > kPerSecondMax)
      throw Violation("storm",
                      "more than " + std::to_string(kPerSecondMax) + " things happen within a second");
    what();
  }

 private:
  struct Item {
    Instant when;
    uint64_t order;  // things at the same time happen in the order they were asked for
    std::function<void()> what;
    bool operator<(const Item& other) const {
      return when != other.when ? other.when < when : other.order < order;
    }
  };

  static constexpr uint64_t kPerSecondMax = 100'000;

  std::priority_queue<Item> heap_;
  Instant now_;
  uint64_t next_ = 0;
  uint64_t count_ = 0;
  Instant second_;  // when it began
  uint64_t in_second_ = 0;
  uint64_t busiest_ = 0;
};

}  // namespace patronus::sim
