// Holds back what must not be visible before it is durable: each effect waits for the write it names.
#pragma once

#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "core/effect.h"

namespace patronus {

class Gate {
 public:
  using Gated = std::variant<Send, Reply>;

  // Everything up to this write is on disk.
  PersistId done() const { return done_; }
  bool open_for(PersistId after) const { return after <= done_; }
  void hold(PersistId after, Gated effect) { held_.emplace(after, std::move(effect)); }

  // The write is done; what waited for it, or for an earlier one, comes out in order.
  [[nodiscard]] std::vector<Gated> release(PersistId through) {
    done_ = std::max(done_, through);
    std::vector<Gated> out;
    while (!held_.empty() && held_.begin()->first <= done_) {
      out.push_back(std::move(held_.begin()->second));
      held_.erase(held_.begin());
    }
    return out;
  }

  size_t held() const { return held_.size(); }

 private:
  PersistId done_;
  // Equal keys keep the order in which they came.
  std::multimap<PersistId, Gated> held_;
};

}  // namespace patronus
