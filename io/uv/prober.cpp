#include "io/uv/prober.h"

#include <utility>

#include "core/base/limits.h"
#include "io/uv/log.h"

namespace patronus::uv {

Prober::Prober(uv_loop_t* loop, Duration interval, std::string_view cluster_secret,
               std::function<Now()> clock, Driver& driver, std::function<void()> on_work)
    : clock_(std::move(clock)), driver_(driver), on_work_(std::move(on_work)), crypto_(cluster_secret) {
  const auto received = [this](const sdwan::UdpAddress&, std::string_view datagram) {
    engine_->received(datagram);
  };
  for (auto& [slot, host] : {std::pair(&v4_, "0.0.0.0"), std::pair(&v6_, "::")}) {
    auto socket = std::make_unique<UdpSocket>(loop, received);
    if (const std::optional<std::string> failed = socket->open({host, 0})) {
      log_line(LogLevel::kInfo, "probes", "no probes are sent from " + *failed);
    } else {
      *slot = std::move(socket);
    }
  }
  for (size_t slot = 0; slot < names_.size(); ++slot) {
    names_[slot] = std::make_unique<NameLookUp>(
        loop, [this, slot](NameAnswer&& answer) { engine_->looked_up(slot, answer); });
  }
  timer_ = std::make_unique<Handle<uv_timer_t>>();
  uv_timer_init(loop, timer_->get());
  timer_->on([this] { engine_->wake(); });
  sdwan::World& world = *this;
  engine_ = std::make_unique<sdwan::Engine>(sdwan::EngineOptions{interval, v4_ != nullptr, v6_ != nullptr},
                                            crypto_, world);
  driver_.use_samples(*engine_);
}

void Prober::start() { engine_->start(); }

bool Prober::is_looking_up() const {
  for (const auto& name : names_) {
    if (name->is_asking()) return true;
  }
  return false;
}

sdwan::Sent Prober::send(const sdwan::UdpAddress& to, std::string_view datagram) {
  UdpSocket* const socket = to.is_v6 ? v6_.get() : v4_.get();
  return socket == nullptr ? sdwan::Sent::kNever : socket->send(to, datagram);
}

void Prober::wake_at(Instant at) {
  const int64_t wait_ns = (at - clock_().mono).count();
  const uint64_t wait_ms = wait_ns <= 0 ? 0 : static_cast<uint64_t>((wait_ns + 999'999) / 1'000'000);
  uv_timer_start(timer_->get(), [](uv_timer_t* handle) { Handle<uv_timer_t>::call(handle); }, wait_ms, 0);
}

void Prober::propose(VerdictsOp&& verdicts) {
  driver_.submit(TableOp{std::move(verdicts)}, limits::kVerdictRetry);
  on_work_();
}

void Prober::turned(const std::string& remark) {
  driver_.engine_turned(remark);
  driver_.set_probe_figures(engine_->figures());
}

}  // namespace patronus::uv
