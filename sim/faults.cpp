// The troubles of a world: one at a time from those that its profile allows, each for a while.
#include <vector>

#include "core/raft/quorum.h"
#include "sim/world.h"

namespace patronus::sim {

using namespace std::chrono_literals;

void World::schedule_trouble() {
  events_.after(tape_.between(1ms, profile_.trouble_interval), [this] {
    if (!troubled_) return;
    make_trouble();
    schedule_trouble();
  });
}

void World::make_trouble() {
  switch (tape_.choose(12)) {
    case 1:
      if (profile_.partitions) partition();
      break;
    case 2:
      if (profile_.one_way) one_way_cut();
      break;
    case 3:
      if (profile_.resets && network_.reset_one()) count("reset");
      break;
    case 4:
      if (profile_.crashes) crash(false);
      break;
    case 5:
      if (profile_.power_cuts) crash(true);
      break;
    case 6:
      if (profile_.wipes) wipe();
      break;
    case 7:
      if (profile_.freezes) freeze();
      break;
    case 8:
      if (profile_.refused_redials) {
        network_.set_refusing(true);
        count("refusal");
        events_.after(tape_.between(50ms, 2s), [this] { network_.set_refusing(false); });
      }
      break;
    case 9:
      if (profile_.slow_links) {
        network_.slow_down(tape_.choose(profile_.nodes), tape_.choose(profile_.nodes), tape_.between(5ms, 400ms));
        count("slow link");
      }
      break;
    case 10:
      if (profile_.slow_disks) {
        Host* host = hosts_[tape_.choose(profile_.nodes)].get();
        host->set_disk_slowness(tape_.between(5ms, 300ms));
        count("slow disk");
        events_.after(tape_.between(100ms, 3s), [host] { host->set_disk_slowness(0ms); });
      }
      break;
    case 11:
      if (profile_.partitions || profile_.one_way) {
        network_.heal_all();
        network_.speed_up_all();
      }
      break;
    default: break;
  }
}

// Any graph of who reaches whom: two sides, a bridge, or each pair for itself.
void World::partition() {
  count("partition");
  const uint32_t shape = tape_.choose(3);
  const HostId special = tape_.choose(profile_.nodes);
  std::vector<uint32_t> side(profile_.nodes);
  for (uint32_t& s : side) s = tape_.choose(2);
  for (HostId a = 0; a < profile_.nodes; ++a) {
    for (HostId b = a + 1; b < profile_.nodes; ++b) {
      const bool apart = shape == 0   ? (a == special) != (b == special)
                         : shape == 1 ? a != special && b != special && side[a] != side[b]
                                      : side[a] != side[b];
      if (!apart) continue;
      network_.cut(a, b);
      network_.cut(b, a);
    }
  }
  if (trace_.keeps()) trace_.line(events_.now(), "network", "splits");
  events_.after(tape_.between(50ms, 4s), [this] { network_.heal_all(); });
}

void World::one_way_cut() {
  const HostId from = tape_.choose(profile_.nodes);
  const HostId to = tape_.choose(profile_.nodes);
  if (from == to) return;
  count("one-way cut");
  network_.cut(from, to);
  if (trace_.keeps()) trace_.line(events_.now(), "network", hosts_[from]->name() + " no longer reaches " + hosts_[to]->name());
  events_.after(tape_.between(50ms, 4s), [this, from, to] { network_.heal(from, to); });
}

void World::crash(bool power_cut) {
  // Now and then all at once: whatever was acknowledged must be there again.
  const bool all = tape_.chance(120);
  const HostId one = tape_.choose(profile_.nodes);
  for (HostId id = 0; id < profile_.nodes; ++id) {
    if (!all && id != one) continue;
    if (!hosts_[id]->is_up()) continue;
    count(power_cut ? "power cut" : "crash");
    hosts_[id]->crash(power_cut);
    Host* host = hosts_[id].get();
    events_.after(tape_.between(10ms, 2s), [host] { host->start(); });
  }
}

// A cluster survives the loss of a minority of disks; this version does not take a wiped node in again.
bool World::may_wipe(HostId host) const {
  if (wiped_.contains(host)) return true;
  return wiped_.size() < quorum::failure_tolerance(profile_.nodes);
}

void World::wipe() {
  const HostId id = tape_.choose(profile_.nodes);
  if (!may_wipe(id) || checkers_.committed() == 0) return;
  count("wipe");
  hosts_[id]->crash(true);
  hosts_[id]->wipe_disk();
  wiped_[id] = true;
  if (trace_.keeps()) trace_.line(events_.now(), hosts_[id]->name(), "comes back with an empty disk");
  Host* host = hosts_[id].get();
  events_.after(tape_.between(10ms, 1s), [host] { host->start(); });
}

void World::freeze() {
  Host* host = hosts_[tape_.choose(profile_.nodes)].get();
  if (!host->is_up() || host->is_frozen()) return;
  count("freeze");
  host->freeze();
  events_.after(tape_.between(20ms, 3s), [host] { host->thaw(); });
}

void World::heal() {
  troubled_ = false;
  network_.heal_all();
  network_.speed_up_all();
  network_.set_refusing(false);
  network_.stop_frame_faults();
  for (auto& host : hosts_) {
    host->set_disk_slowness(0ms);
    host->thaw();
    host->start();
  }
  trace_.line(events_.now(), "world", "all is healed");
}

}  // namespace patronus::sim
