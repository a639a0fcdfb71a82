// Simulated time: a heap of things to happen. Time jumps to the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "core/base/time.h"

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

  // Does the next thing.
  void step() {
    // The top is const only because its key orders the heap; what is to be done is no part of the key.
    std::function<void()> what = std::move(const_cast<Item&>(heap_.top()).what);
    now_ = heap_.top().when;
    heap_.pop();
    ++count_;
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

  std::priority_queue<Item> heap_;
  Instant now_;
  uint64_t next_ = 0;
  uint64_t count_ = 0;
};

}  // namespace patronus::sim
