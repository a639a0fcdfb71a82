// An operator: moves leadership about, drains nodes and takes them in again, while others work. What it is
// told must be true: a 200 names a leader of a term later than the one before, which the checkers know; and a
// node that drains neither stays ready nor keeps what it was asked to give away.
#pragma once

#include <functional>
#include <string>

#include "sim/any_node.h"
#include "sim/events.h"
#include "sim/exchange.h"
#include "sim/network.h"
#include "sim/profile.h"
#include "sim/tape.h"
#include "sim/trace.h"

namespace patronus::sim {

inline constexpr HostId kOperatorHost = 3000;

class Operator {
 public:
  // `led` says who led a term, as the checkers have seen it; empty: nobody yet.
  Operator(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
           std::function<std::string(uint64_t term)> led);
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  Exchange& exchange() { return exchange_; }
  bool idle() const { return exchange_.idle(); }
  // Asks some node for another leader, named or not.
  void force_election();
  // Drains some node, or takes it in again.
  void drain(HostId node, bool on);
  uint64_t moved() const { return moved_; }
  uint64_t refused() const { return refused_; }

 private:
  void log_in_or(std::function<void()> act);
  void judge(const std::string& target, const HttpAnswer& answer);

  const Profile& profile_;
  Events& events_;
  Track& tape_;
  AnyNode any_node_;
  Trace& trace_;
  std::function<std::string(uint64_t)> led_;
  Exchange exchange_;
  std::string token_;
  uint64_t moved_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace patronus::sim
