// The SD-WAN engine with sockets, a timer and the system's resolver, for the driver of this process.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/auth/openssl_crypto.h"
#include "io/driver.h"
#include "io/sdwan/engine.h"
#include "io/uv/loop.h"
#include "io/uv/name_look_up.h"
#include "io/uv/udp.h"

namespace patronus::uv {

class Prober final : private sdwan::World {
 public:
  // `clock` is the driver's. `on_work` is called when the driver was given something and wants to be flushed.
  // The driver must outlive this.
  Prober(uv_loop_t* loop, Duration interval, std::string_view cluster_secret, std::function<Now()> clock,
         Driver& driver, std::function<void()> on_work);
  ~Prober() override = default;

  // Once the driver has started.
  void start();
  // The system's resolver is asked for some name.
  bool is_looking_up() const;

 private:
  Now now() override { return clock_(); }
  sdwan::Sent send(const sdwan::UdpAddress& to, std::string_view datagram) override;
  void look_up(size_t slot, const Address& name) override { names_[slot]->ask(name); }
  void wake_at(Instant at) override;
  const Tables& tables() const override { return driver_.node().store().tables(); }
  bool may_propose() const override { return driver_.node().may_give_verdicts(); }
  void propose(VerdictsOp&& verdicts) override;
  void turned(const std::string& remark) override;

  std::function<Now()> clock_;
  Driver& driver_;
  std::function<void()> on_work_;
  auth::OpensslCrypto crypto_;
  std::unique_ptr<UdpSocket> v4_;  // null: this machine has none of that family
  std::unique_ptr<UdpSocket> v6_;
  std::array<std::unique_ptr<NameLookUp>, limits::kProbeLookUpsMax> names_;
  std::unique_ptr<Handle<uv_timer_t>> timer_;
  std::unique_ptr<sdwan::Engine> engine_;
};

}  // namespace patronus::uv
