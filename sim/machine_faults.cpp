// Troubles of a whole machine and its wires: it stands still and goes on, its clocks go wrong, links come and
// go, and what it has on its disk decays.
#include "sim/world.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr uint32_t kFlapsMax = 12;

}  // namespace

// A laptop's lid, a virtual machine that is moved: nothing runs and nothing gets in or out. Then its
// monotonic clock has gone on, as CLOCK_BOOTTIME does; its wall clock has too, or is set right only later.
void World::suspend() {
  Host* host = hosts_[victim()].get();
  if (!host->is_up() || host->is_frozen()) return;
  count("suspended machine");
  tell(host->name(), "is suspended");
  host->freeze();
  for (HostId peer = 0; peer < hosts_.size(); ++peer) {
    if (peer == host->id()) continue;
    network_.cut(host->id(), peer);
    network_.cut(peer, host->id());
  }
  const Duration time = spell();
  const bool wall_stood = troubles_.chance(300);
  events_.after(time, [this, host, time, wall_stood] {
    for (HostId peer = 0; peer < hosts_.size(); ++peer) {
      network_.heal(host->id(), peer);
      network_.heal(peer, host->id());
    }
    if (wall_stood) {
      const int64_t right = host->wall_skew_ms();
      host->set_wall_skew(right - time / 1ms);
      events_.after(time, [host, right] { host->set_wall_skew(right); });
    }
    tell(host->name(), "is resumed");
    host->thaw();
  });
}

// The disk may turn out to be lost with the next start, so it counts as lost from now on.
void World::rot() {
  const HostId id = victim();
  Host* host = hosts_[id].get();
  if (!host->is_up() || !is_wanted(*host) || host->disk().is_rolled_back() || !may_wipe(id)) return;
  if (!host->rot_image()) return;
  count("image rotten");
  tell(host->name(), "has a rotten image");
}

// By whoever keeps time, or by hand.
void World::set_clock() {
  Host* host = hosts_[victim()].get();
  const int64_t before = host->wall_skew_ms();
  host->set_wall_skew(draw_wall_skew(troubles_));
  count("clock set");
  tell(host->name(), "has its wall clock set by " + std::to_string(host->wall_skew_ms() - before) + " ms");
}

// Both ways or one.
void World::flap() {
  const HostId from = victim();
  const HostId to = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  if (from == to) return;
  count("flapping link");
  tell("network", "begins to flap between " + hosts_[from]->name() + " and " + hosts_[to]->name());
  flap_on(from, to, 1 + troubles_.choose(kFlapsMax));
}

void World::flap_on(HostId from, HostId to, uint32_t times) {
  const bool both = troubles_.chance(500);
  network_.cut(from, to);
  if (both) network_.cut(to, from);
  const Duration cut = troubles_.between(1ms, profile_.election_timeout / 2);
  const Duration whole = troubles_.between(1ms, profile_.election_timeout / 2);
  events_.after(cut, [this, from, to, times, whole] {
    network_.heal(from, to);
    network_.heal(to, from);
    if (times <= 1 || !troubled_) return;
    events_.after(whole, [this, from, to, times] {
      if (troubled_) flap_on(from, to, times - 1);
    });
  });
}

void World::draw_clock_rate(Host& host) {
  const auto most = static_cast<uint32_t>(profile_.clock_rate_ppm);
  const int64_t rate = int64_t{tape_.choose(2 * most + 1)};
  // 0 is a clock that goes right.
  if (rate == 0) return;
  count("wrong clock rate");
  host.set_clock_rate(rate <= profile_.clock_rate_ppm ? rate : profile_.clock_rate_ppm - rate);
}

}  // namespace patronus::sim
