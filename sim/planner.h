// Somebody who plans the network: makes, changes and deletes sites and policies, while all else goes wrong.
// Nobody else does, and each write is repeated under its key until it is known what became of it, so that it
// is known at any time what the tables must hold: what a linearizable read shows, and why a write is refused,
// must agree with that. But for one thing: a restore makes the tables what they were, at a time that only the
// checkers know.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/state/tables.h"
#include "sim/any_node.h"
#include "sim/events.h"
#include "sim/exchange.h"
#include "sim/network.h"
#include "sim/profile.h"
#include "sim/tape.h"
#include "sim/trace.h"

namespace patronus::sim {

inline constexpr HostId kPlannerHost = 3002;

class Planner {
 public:
  // `tables`: as the entries that are committed make them.
  Planner(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
          std::function<const Tables&()> tables);
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  Exchange& exchange() { return exchange_; }
  void start();
  // An entry that restores was committed. A request that is under way may have been before it or after it.
  void restored() { restored_ = true; }
  // Begins nothing new.
  void finish() { finishing_ = true; }
  // Nothing of which it is not known what became of it.
  bool idle() const { return !pending_ && exchange_.idle(); }
  uint64_t written() const { return written_; }
  uint64_t refused() const { return refused_; }
  uint64_t read() const { return read_; }

 private:
  struct Entity {
    std::string name;
    std::string detail;  // of a site its endpoint, of a policy its source
    std::string other;   // of a policy its destination
    uint64_t mod_revision = 0;
  };
  using Entities = std::map<std::string, Entity>;  // by id
  // A write whose end is not known yet.
  struct Pending {
    bool is_site = true;
    std::string method;
    std::string id;  // empty: it makes one
    Entity entity;
    std::string key;
    std::string expected_code;  // why it must be refused as things stand; empty: it must be done
  };

  void rest();
  void act();
  void log_in();
  void begin_write();
  void look_again();
  Pending site_write();
  Pending policy_write();
  std::string refusal_of(const Pending& write) const;
  void send();
  void judge(const HttpAnswer& answer);
  void take(const HttpAnswer& answer);
  void read_one();
  [[noreturn]] void violate(const std::string& what) const;
  std::string some_id(const Entities& entities);
  std::string body_of(const Pending& write) const;

  const Profile& profile_;
  Events& events_;
  Track& tape_;
  AnyNode any_node_;
  Trace& trace_;
  Exchange exchange_;
  std::function<const Tables&()> tables_;
  bool restored_ = false;  // since it was last known what the tables hold
  bool finishing_ = false;
  std::string token_;
  std::optional<Pending> pending_;
  Entities sites_;
  Entities policies_;
  uint64_t keys_ = 0;
  uint64_t written_ = 0;
  uint64_t refused_ = 0;
  uint64_t read_ = 0;
};

}  // namespace patronus::sim
