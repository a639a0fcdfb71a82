#include "bench/runner.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace patronus::bench {
namespace {

constexpr auto kPauseAfterFailure = std::chrono::milliseconds(20);
constexpr auto kTick = std::chrono::milliseconds(10);

}  // namespace

Runner::Runner(const Options& options, const Values& values)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timeout_(std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(options.request_timeout))) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1 failed");
  std::vector<Address> addresses;
  for (const Target& target : options.targets) addresses.push_back(resolve(target));
  for (std::size_t i = 0; i < options.clients; ++i) {
    const std::size_t at = i % options.targets.size();
    std::string error;
    auto protocol = make_protocol(options, options.targets[at], values, error);
    if (!protocol) throw std::runtime_error(error);
    Slot slot;
    slot.client =
        std::make_unique<Client>(epoll_, static_cast<std::uint32_t>(i), addresses[at], std::move(protocol));
    slots_.push_back(std::move(slot));
  }
}

Runner::~Runner() {
  slots_.clear();
  close(epoll_);
}

void Runner::drive(Source& source) {
  std::array<epoll_event, 512> events;
  auto now = Clock::now();
  auto looked = now;
  for (std::size_t i = 0; i < slots_.size(); ++i) feed(i, source, now);
  while (active_ > 0) {
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(kTick.count()));
    if (count < 0 && errno != EINTR) throw std::runtime_error("epoll_wait failed");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const std::size_t index = event.data.u32;
      Reply reply;
      if (slots_[index].client->on_ready(event.events, reply) == Client::Event::kNothing) continue;
      now = Clock::now();
      finish(index, source, reply, now);
      feed(index, source, now);
    }
    now = Clock::now();
    if (now - looked < kTick) continue;
    looked = now;
    look_at_clocks(source, now);
  }
}

void Runner::feed(std::size_t index, Source& source, Clock::time_point now) {
  Slot& slot = slots_[index];
  if (now < slot.not_before) {
    if (!slot.waiting) ++active_;
    slot.waiting = true;
    return;
  }
  if (slot.waiting) --active_;
  slot.waiting = false;
  const auto operation = source.next(now);
  if (!operation) return;
  ++active_;
  Reply reply;
  // A request that fails at once leaves the client waiting; look_at_clocks() lets it try again.
  if (slot.client->start(*operation, now, reply) == Client::Event::kReply) {
    finish(index, source, reply, now);
    feed(index, source, now);
  }
}

void Runner::finish(std::size_t index, Source& source, const Reply& reply, Clock::time_point now) {
  Slot& slot = slots_[index];
  --active_;
  if (!reply.ok) slot.not_before = now + kPauseAfterFailure;
  source.done(slot.client->operation(), reply, slot.client->issued(), now);
}

void Runner::look_at_clocks(Source& source, Clock::time_point now) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.waiting) {
      feed(i, source, now);
    } else if (slot.client->busy() && now - slot.client->issued() > timeout_) {
      slot.client->abandon();
      finish(i, source, {false, "timeout", {}}, now);
      feed(i, source, now);
    }
  }
}

}  // namespace patronus::bench
