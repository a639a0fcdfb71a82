// A small world of nodes' engines and sites' responders with a clock and lines of its own: datagrams arrive
// after a delay, or not at all, or changed, as a test wishes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/state/tables.h"
#include "io/sdwan/engine.h"
#include "io/sdwan/probe_key.h"
#include "io/sdwan/responder.h"
#include "sim/sim_crypto.h"

namespace patronus::sdwan::test {

using namespace std::chrono_literals;

class ProbeWorld {
 public:
  using Deliver = std::function<void(const UdpAddress& from, std::string_view datagram)>;

  Instant mono{1'000'000'000'000};
  Now now() const { return {mono, WallTime{1'700'000'000'000 + mono.ns / 1'000'000}}; }

  // What becomes of a datagram on its way: the delays after which it, or copies, arrive; none: it is lost. It
  // may be changed.
  std::function<std::vector<Duration>(const UdpAddress& from, const UdpAddress& to, std::string& datagram)>
      line = [](const UdpAddress&, const UdpAddress&, std::string&) { return std::vector<Duration>{1ms}; };

  void attach(const UdpAddress& where, Deliver deliver) { places_[where] = std::move(deliver); }
  void detach(const UdpAddress& where) { places_.erase(where); }
  Sent send(const UdpAddress& from, const UdpAddress& to, std::string_view datagram) {
    std::string bytes(datagram);
    sent.push_back(bytes);
    for (const Duration delay : line(from, to, bytes)) arrive(delay, from, to, bytes);
    return Sent::kLeft;
  }
  void arrive(Duration delay, const UdpAddress& from, const UdpAddress& to, const std::string& datagram) {
    at(mono + delay, [this, from, to, datagram] {
      if (const auto place = places_.find(to); place != places_.end()) place->second(from, datagram);
    });
  }
  void at(Instant when, std::function<void()> act) {
    events_.emplace(std::pair(when, order_++), std::move(act));
  }
  void run(Duration time) {
    const Instant end = mono + time;
    while (!events_.empty() && events_.begin()->first.first <= end) {
      auto event = events_.extract(events_.begin());
      mono = std::max(mono, event.key().first);
      event.mapped()();
    }
    mono = end;
  }
  // The clock goes on, and nobody does anything.
  void stand_still(Duration time) { mono = mono + time; }

  std::vector<std::string> sent;

 private:
  std::map<UdpAddress, Deliver> places_;
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
  uint64_t order_ = 0;
};

inline UdpAddress place(uint8_t last) {
  return *parse_udp_address("10.0.0." + std::to_string(last) + ":7700");
}

// A site's responder at an address.
class SiteAt final : private ResponderWorld {
 public:
  SiteAt(ProbeWorld& world, const std::string& id, const UdpAddress& where, const std::string& key)
      : world_(world), where_(where), responder_({id, key, true, true}, *this) {
    revive();
    turn();
  }
  ~SiteAt() override { world_.detach(where_); }
  void die() { world_.detach(where_); }
  void revive() {
    world_.attach(where_, [this](const UdpAddress& from, std::string_view datagram) {
      responder_.received(from, datagram);
    });
  }
  Responder& operator*() { return responder_; }
  std::map<std::string, std::string> names;  // that it knows

 private:
  Instant now() override { return world_.mono; }
  Sent send(const UdpAddress& to, std::string_view datagram) override {
    return world_.send(where_, to, datagram);
  }
  void look_up(size_t slot, const Address& name) override {
    NameAnswer answer;
    const auto known = names.find(name.host);
    if (known == names.end()) {
      answer.failure = "no such name";
    } else {
      answer.addresses = {Address{known->second, name.port}.text()};
    }
    later(5ms, [this, slot, answer] { responder_.looked_up(slot, answer); });
  }
  void turn() {
    responder_.wake();
    later(50ms, [this] { turn(); });
  }
  // Unless it is gone by then.
  void later(Duration after, std::function<void()> what) {
    world_.at(world_.mono + after, [there = std::weak_ptr<bool>(there_), what = std::move(what)] {
      if (!there.expired()) what();
    });
  }

  ProbeWorld& world_;
  UdpAddress where_;
  Responder responder_;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);
};

// A node's engine, with tables that its verdicts are put into, where it leads.
class NodeAt final : private World {
 public:
  NodeAt(ProbeWorld& world, Tables& tables, const UdpAddress& where, Duration interval, uint64_t seed)
      : world_(world),
        tables_(tables),
        where_(where),
        crypto_("the cluster's secret", seed),
        engine_({interval, true, true}, crypto_, *this) {
    world_.attach(where_,
                  [this](const UdpAddress&, std::string_view datagram) { engine_.received(datagram); });
    engine_.start();
  }
  ~NodeAt() override { world_.detach(where_); }

  Engine& operator*() { return engine_; }
  bool leads = false;
  std::string remark;
  size_t turns = 0;
  std::vector<VerdictsOp> verdicts;

 private:
  Now now() override { return world_.now(); }
  Sent send(const UdpAddress& to, std::string_view datagram) override {
    return world_.send(where_, to, datagram);
  }
  void look_up(size_t slot, const Address&) override {
    world_.at(world_.mono + 5ms, [this, slot] { engine_.looked_up(slot, {{}, "no such name"}); });
  }
  void wake_at(Instant at) override {
    const uint64_t wish = ++wish_;
    world_.at(at, [this, wish] {
      if (wish == wish_) engine_.wake();
    });
  }
  const Tables& tables() const override { return tables_; }
  bool may_propose() const override { return leads; }
  void propose(VerdictsOp&& op) override {
    verdicts.push_back(op);
    world_.at(world_.mono + 3ms, [this, op] {
      (void)tables_.apply(TableOp{op}, Index{tables_.version() + verdicts.size() + 1'000},
                          Stamp{1, world_.now().wall.unix_ms});
    });
  }
  void turned(const std::string& said) override {
    remark = said;
    ++turns;
  }

  ProbeWorld& world_;
  Tables& tables_;
  UdpAddress where_;
  sim::SimCrypto crypto_;
  uint64_t wish_ = 0;
  Engine engine_;
};

}  // namespace patronus::sdwan::test
