// An administrator who has nodes take snapshots and restores one now and then, while others read and write
// and all else goes wrong. Sessions are kept: whoever else is logged in checks that nobody ends them. What is
// told must be true: a restore that is said to be done is in the log at the revision told. That the keys are
// then the snapshot's, and that clients see it as one write of each, the checkers see to.
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

inline constexpr HostId kRestorerHost = 3001;

class Restorer {
 public:
  // `restored` says whether a restore is committed at this revision.
  Restorer(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
           std::function<bool(uint64_t revision)> restored);
  Restorer(const Restorer&) = delete;
  Restorer& operator=(const Restorer&) = delete;

  Exchange& exchange() { return exchange_; }
  void start();
  // Begins nothing new.
  void finish() { finishing_ = true; }
  // How many were begun, and how many were said to be done.
  uint64_t begun() const { return begun_; }
  uint64_t done() const { return done_; }

 private:
  void rest();
  void act();
  void log_in();
  void save();
  void restore();
  void look();
  void judge(const HttpAnswer& answer);
  void ask(HostId node, const std::string& request, std::function<void(const HttpAnswer&)> then);
  std::string authorization() const { return "Authorization: Bearer " + token_ + "\r\n"; }

  const Profile& profile_;
  Events& events_;
  Track& tape_;
  AnyNode any_node_;
  Trace& trace_;
  std::function<bool(uint64_t)> restored_;
  Exchange exchange_;
  bool finishing_ = false;
  std::string token_;
  HostId node_ = 0;       // that keeps the snapshot, and restores it
  std::string snapshot_;  // empty: none yet
  uint32_t looks_ = 0;    // at the restore under way; 0: none is
  uint64_t begun_ = 0;
  uint64_t done_ = 0;
};

}  // namespace patronus::sim
