// The SD-WAN engine: on every node it probes every endpoint of every site, and every path of enabled
// policies, once an interval, spread evenly over it, and keeps what came of that. The leader's proposes
// verdicts. It knows no socket and no clock: its owner is its world.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/sdwan/verdicts.h"
#include "core/state/tables.h"
#include "io/auth/crypto.h"
#include "io/auth/hmac.h"
#include "io/ports.h"
#include "io/protocol/probe.h"
#include "io/sdwan/figures.h"
#include "io/sdwan/names.h"
#include "io/sdwan/samples.h"
#include "io/sdwan/targets.h"
#include "io/sdwan/udp_address.h"
#include "io/sdwan/under_way.h"

namespace patronus::sdwan {

class World {
 public:
  virtual ~World() = default;

  virtual Now now() = 0;
  [[nodiscard]] virtual Sent send(const UdpAddress& to, std::string_view datagram) = 0;
  // Answered by looked_up() with the same slot, of kProbeLookUpsMax.
  virtual void look_up(size_t slot, const Address& name) = 0;
  // Calls wake() at this time at the latest, instead of any time asked for before.
  virtual void wake_at(Instant at) = 0;

  virtual const Tables& tables() const = 0;
  // This node leads, knows all that is committed, and every member understands verdicts.
  virtual bool may_propose() const = 0;
  virtual void propose(VerdictsOp&& verdicts) = 0;
  // Each second while the engine turns: it is well; the remark is for people, mostly empty.
  virtual void turned(const std::string& remark) = 0;
};

struct EngineOptions {
  Duration interval{};  // 0: nothing is probed
  bool v4 = true;       // which families can be sent to
  bool v6 = true;
};

class Engine final : public Samples {
 public:
  Engine(EngineOptions options, auth::Crypto& crypto, World& world);

  void start();
  void wake();
  void received(std::string_view datagram);
  void looked_up(size_t slot, const NameAnswer& answer);

  const Figures& figures() const { return figures_; }

  // Samples
  std::optional<Sample> latest(const EndpointKey& endpoint) const override;
  std::optional<Sample> latest(const PathKey& path) const override;
  std::vector<Sample> since(const EndpointKey& endpoint, WallTime from) const override;
  std::vector<Sample> since(const PathKey& path, WallTime from) const override;

 private:
  // engine.cpp
  Duration interval() const;
  void send_due(Now now);
  void probe_next(Now now);
  std::string datagram_of(const Target& target, SentProbe& sent);
  Instant next_turn(Instant now);

  // engine_outcomes.cpp
  void on_answer(SentProbe& probe, std::string_view datagram, Now now);
  void on_path_answer(SentProbe& probe, std::string_view datagram, Now now);
  // Not one that waits for it: what is it?
  void on_stray(const probe::Head& head, std::string_view datagram);
  void missed(Target& target, Instant sent, Now now);
  void judge(Target& target, bool answered, Instant sent);
  void keep_sample(Target& target, Now now);
  void heard(Now now);
  void look_for_cut_off(Instant now);

  // engine_verdicts.cpp
  void each_second(Now now);
  void propose_verdicts(Instant now);
  void count();
  std::string remark() const;

  EngineOptions options_;
  auth::Crypto& crypto_;
  World& world_;
  auth::HmacSha256 hmac_;
  Names names_;
  Targets targets_;
  ProbesUnderWay under_way_;
  VerdictKeeper keeper_;
  Figures figures_;
  size_t cursor_ = 0;       // who is probed next
  size_t scan_cursor_ = 0;  // who is looked at next for verdicts
  Instant next_probe_;
  Instant next_second_;
  Instant wanted_;       // when the next turn was asked for
  Instant last_heard_;   // an authentic answer came
  Instant judged_from_;  // probes sent before say nothing of those probed
  bool is_cut_off_ = false;
};

}  // namespace patronus::sdwan
