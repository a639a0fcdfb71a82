// The troubles of a world: one at a time from those that its profile allows, each for a while.
#include <algorithm>
#include <vector>

#include "core/raft/quorum.h"
#include "sim/world.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr HostId kNobody = UINT32_MAX;

}  // namespace

void World::schedule_trouble() {
  events_.after(troubles_.pause(1ms, profile_.trouble_interval), [this] {
    if (!troubled_) return;
    make_trouble();
    schedule_trouble();
  });
}

void World::make_trouble() {
  // One of the families that are on; heals come in between so that not everything stays broken.
  std::vector<void (World::*)()> on;
  const auto add = [&](bool is_on, void (World::*trouble)()) {
    if (is_on) on.push_back(trouble);
  };
  add(profile_.partitions, &World::partition);
  add(profile_.one_way, &World::one_way_cut);
  add(profile_.resets, &World::reset_stream);
  add(profile_.crashes, &World::kill);
  add(profile_.power_cuts, &World::cut_power);
  add(profile_.wipes, &World::wipe);
  add(profile_.rollbacks, &World::roll_back);
  add(profile_.freezes, &World::freeze);
  add(profile_.drains, &World::drain);
  add(profile_.refused_redials, &World::refuse_redials);
  add(profile_.slow_links, &World::slow_link);
  add(profile_.slow_disks, &World::slow_disk);
  add(profile_.full_disks, &World::fill_disk);
  add(profile_.failed_syncs, &World::fail_sync);
  add(profile_.operators, &World::operate);
  add(profile_.partitions || profile_.one_way, &World::mend_network);
  add(profile_.suspensions, &World::suspend);
  add(profile_.flapping, &World::flap);
  add(profile_.rot, &World::rot);
  add(profile_.clock_jumps, &World::set_clock);
  if (on.empty()) return;
  const uint32_t which = troubles_.choose(static_cast<uint32_t>(on.size()) + 1);
  if (which > 0) (this->*on[which - 1])();
}

// How long a trouble lasts: a few elections' time.
Duration World::spell() {
  return troubles_.between(profile_.election_timeout / 10, 5 * profile_.election_timeout);
}

void World::reset_stream() {
  if (!network_.reset_one()) return;
  count("reset");
  tell("network", "resets a stream");
}

void World::kill() { crash(false); }
void World::cut_power() { crash(true); }

void World::refuse_redials() {
  network_.set_refusing(true);
  count("refusal");
  tell("network", "refuses new links");
  events_.after(spell(), [this] {
    network_.set_refusing(false);
    tell("network", "takes new links again");
  });
}

void World::slow_link() {
  const HostId from = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  const HostId to = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  const Duration by = troubles_.between(1ms, profile_.election_timeout);
  network_.slow_down(from, to, by);
  count("slow link");
  tell("network", "is slower from " + hosts_[from]->name() + " to " + hosts_[to]->name() + ", by " +
                      std::to_string(by / 1ms) + " ms");
  if (troubles_.chance(300)) network_.speed_up_all();
}

void World::slow_disk() {
  Host* host = hosts_[victim()].get();
  host->set_disk_slowness(troubles_.between(1ms, profile_.election_timeout));
  count("slow disk");
  tell(host->name(), "has a slow disk");
  events_.after(spell(), [this, host] {
    host->set_disk_slowness(0ms);
    tell(host->name(), "has a disk of the usual speed again");
  });
}

// One disk or all of them.
void World::fill_disk() {
  const bool all = troubles_.chance(200);
  const HostId one = victim();
  for (const auto& host : hosts_) {
    if (!all && host->id() != one) continue;
    count("full disk");
    host->set_disk_full(true);
    events_.after(2 * spell(), [host = host.get()] { host->set_disk_full(false); });
  }
}

void World::heal_network() {
  if (network_.has_cuts()) tell("network", "is whole again");
  network_.heal_all();
}

void World::mend_network() {
  heal_network();
  network_.speed_up_all();
}

// Any graph of who reaches whom: two sides, a bridge, or each pair for itself.
void World::partition() {
  count("partition");
  const uint32_t shape = troubles_.choose(3);
  const HostId special = victim();
  std::vector<uint32_t> side(hosts_.size());
  for (uint32_t& s : side) s = troubles_.choose(2);
  for (HostId a = 0; a < hosts_.size(); ++a) {
    for (HostId b = a + 1; b < hosts_.size(); ++b) {
      const bool apart = shape == 0   ? (a == special) != (b == special)
                         : shape == 1 ? a != special && b != special && side[a] != side[b]
                                      : side[a] != side[b];
      if (!apart) continue;
      network_.cut(a, b);
      network_.cut(b, a);
    }
  }
  if (trace_.keeps() && network_.has_cuts()) tell("network", "splits: " + describe_ways());
  events_.after(spell(), [this] { heal_network(); });
}

void World::one_way_cut() {
  const HostId from = victim();
  const HostId to = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  if (from == to) return;
  count("one-way cut");
  network_.cut(from, to);
  tell("network", hosts_[from]->name() + " no longer reaches " + hosts_[to]->name());
  events_.after(spell(), [this, from, to] {
    network_.heal(from, to);
    tell("network", hosts_[from]->name() + " reaches " + hosts_[to]->name() + " again");
  });
}

void World::crash(bool power_cut) {
  // Now and then all at once: whatever was acknowledged must be there again.
  const bool all = troubles_.chance(120);
  const HostId one = victim();
  for (HostId id = 0; id < hosts_.size(); ++id) {
    if (all || id == one) crash_host(id, power_cut);
  }
}

void World::crash_host(HostId id, bool power_cut) {
  if (!hosts_[id]->is_up()) return;
  count(power_cut ? "power cut" : "crash");
  hosts_[id]->crash(power_cut);
  Host* host = hosts_[id].get();
  events_.after(troubles_.between(1ms, profile_.down_max), [host] { host->start(); });
}

HostId World::victim() {
  if (profile_.strike_leaders && troubles_.chance(600)) {
    for (const auto& host : hosts_) {
      if (host->is_up() && host->node().raft().is_leader()) return host->id();
    }
  }
  return troubles_.choose(static_cast<uint32_t>(hosts_.size()));
}

void World::strike_election(const Host& host) {
  if (!troubled_) return;
  const auto* candidate = std::get_if<Candidate>(&host.node().raft().role());
  if (candidate == nullptr || candidate->pre_vote || host.node().raft().term() <= struck_) return;
  struck_ = host.node().raft().term();
  if (!(profile_.crashes || profile_.power_cuts) || !troubles_.chance(500)) return;
  const HostId id = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  events_.after(troubles_.between(0ms, 4 * profile_.latency_max + 2 * profile_.sync_max), [this, id] {
    if (troubled_) crash_host(id, profile_.power_cuts);
  });
}

// A leader that has just learned what is committed answers its clients, reaches no peer any more, and dies:
// what it acknowledged is in the logs of others, and they do not know it yet.
void World::strike_commit(const Host& host) {
  const Raft& raft = host.node().raft();
  if (!troubled_ || !raft.is_leader() || raft.commit() <= struck_commit_) return;
  struck_commit_ = raft.commit();
  if (!troubles_.chance(10)) return;
  count("silenced leader");
  const HostId leader = host.id();
  tell("network", "silences " + host.name() + ", which has just learned what is committed");
  for (HostId peer = 0; peer < hosts_.size(); ++peer) {
    if (peer != leader) network_.cut(leader, peer);
  }
  events_.after(4 * profile_.latency_max, [this, leader] {
    if (troubled_) crash_host(leader, profile_.power_cuts);
    for (HostId peer = 0; peer < hosts_.size(); ++peer) {
      if (peer != leader) network_.heal(leader, peer);
    }
  });
}

// How many of these voters would have no disk if this host lost its own.
size_t World::lost_disks(const Voters& voters, HostId host) const {
  size_t lost = 0;
  for (const auto& [id, incarnation] : voters) {
    for (const auto& other : hosts_) {
      const bool gone = other->id() == host || other->disk().is_damaged() || other->disk().is_rolled_back() ||
                        other->disk().incarnation() != incarnation;
      if (other->name() == id && gone) ++lost;
    }
  }
  return lost;
}

// A removal that was asked for may be kept, and sent to one leader after the other, for a while.
bool World::removal_is_under_way() const {
  constexpr Duration kPatience = 5s;
  for (const auto& [id, asked] : doomed_) {
    if (checkers_.members().wanted().contains(id) && events_.now() - asked < kPatience) return true;
  }
  return false;
}

// A cluster survives the loss of a minority of disks, of either half while it changes, and also once it is
// what is wanted. A disk counts as lost until the configuration has another one in its place. While a removal
// is on its way nobody can say what a minority is.
bool World::may_wipe(HostId host) const {
  // All of them empty would be a cluster that was never founded, and those that it never reached are.
  if (profile_.uncapped) {
    return std::any_of(hosts_.begin(), hosts_.end(), [&](const auto& other) {
      return other->id() != host && is_wanted(*other) && !other->disk().is_damaged() &&
             !other->disk().note() && other->disk().is_of_a_cluster();
    });
  }
  if (removal_is_under_way()) return false;
  const std::vector<Voters> all = voters_in_question(host);
  return std::all_of(all.begin(), all.end(), [&](const Voters& voters) {
    return lost_disks(voters, host) <= quorum::failure_tolerance(voters.size());
  });
}

// Whose majority may be needed, now or soon, if this host lost its disk: of those who are wanted, of either
// half of each configuration that somebody may go by, of the incoming without those who are to leave, and
// with any learner that may be promoted before its loss is noticed.
std::vector<World::Voters> World::voters_in_question(HostId host) const {
  std::vector<Voters> all(1);
  for (const auto& [id, node] : checkers_.members().wanted()) all[0][id] = node.incarnation;
  for (const Configuration& configuration : checkers_.configurations_in_force()) {
    Voters outgoing;
    Voters incoming;
    for (const Member& member : configuration.members) {
      if (votes_in(Half::kOutgoing, member.standing)) outgoing[member.id] = member.incarnation;
      if (votes_in(Half::kIncoming, member.standing)) incoming[member.id] = member.incarnation;
    }
    all.push_back(outgoing);
    all.push_back(incoming);
    // Others who are to leave may have left before one that has lost its disk.
    std::erase_if(incoming, [&](const auto& voter) {
      const auto at = checkers_.members().wanted().find(voter.first);
      const bool stays = at != checkers_.members().wanted().end() && at->second.incarnation == voter.second;
      return !stays && lost_disks({voter}, host) == 0;
    });
    all.push_back(incoming);
    for (const Member& member : configuration.members) {
      if (member.standing != Standing::kLearner) continue;
      all.push_back(incoming);
      all.back()[member.id] = member.incarnation;
    }
  }
  return all;
}

void World::wipe() {
  const HostId id = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  if (hosts_[id]->boots() == 0 || checkers_.committed() == 0 || !may_wipe(id)) return;
  const bool damage = troubles_.chance(500);
  count(damage ? "damage" : "wipe");
  hosts_[id]->crash(true);
  if (damage) {
    hosts_[id]->damage_disk();
  } else {
    hosts_[id]->wipe_disk();
  }
  if (trace_.keeps())
    trace_.line(events_.now(), hosts_[id]->name(),
                damage ? "has a damaged disk" : "comes back with an empty disk");
  Host* host = hosts_[id].get();
  events_.after(troubles_.between(10ms, 1s), [host] { host->start(); });
}

// Whoever may vote beside this host, unless its own disk is lost, knows of something that came after the
// copy. Without that nobody could tell: whom the host met since may all be gone.
bool World::others_know(HostId host) const {
  const Disk& disk = hosts_[host]->disk();
  const Lives copied = *disk.copied_lives();
  // With an earlier version it would not say what it does not know yet.
  if (copied.life == 0 && profile_.versions) return false;
  const uint64_t begins = copied.confirmed ? copied.life + 1 : copied.life;
  const auto is_later = [&](const DiskLife& known) {
    const auto& before = copied.processes;
    const bool was_there =
        !copied.confirmed && std::find(before.begin(), before.end(), known.process) != before.end();
    return known.life > begins || (known.life == begins && known.life > 0 && !was_there);
  };
  for (const Voters& voters : voters_in_question(host)) {
    for (const auto& [id, incarnation] : voters) {
      if (id == hosts_[host]->name() || lost_disks({{id, incarnation}}, kNobody) > 0) continue;
      for (const auto& other : hosts_) {
        if (other->name() == id && !is_later(other->disk().known_life(disk.incarnation()))) return false;
      }
    }
  }
  return true;
}

// A copy of a disk is made, or put in its place.
void World::roll_back() {
  const HostId id = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  Host* host = hosts_[id].get();
  if (host->boots() == 0 || checkers_.committed() == 0) return;
  if (!host->disk().copied_lives() || troubles_.chance(200)) return host->copy_disk();
  if (!is_wanted(*host) || !may_wipe(id) || !others_know(id)) return;
  count("disk rolled back");
  host->crash(true);
  host->roll_back_disk();
  if (trace_.keeps()) trace_.line(events_.now(), host->name(), "gets an old copy of its disk");
  events_.after(troubles_.between(10ms, 1s), [host] { host->start(); });
}

void World::schedule_churn() {
  events_.after(troubles_.pause(1ms, profile_.churn_interval), [this] {
    if (!troubled_) return;
    if (checkers_.committed() > 0) churn();
    schedule_churn();
  });
}

void World::churn() {
  switch (troubles_.choose(6)) {
    case 0:
      break;
    case 1:
    case 2:
      add_node();
      break;
    case 3:
      wipe();
      break;
    default:
      remove_node();
  }
}

// One that was never there, or one that was removed and begins anew.
void World::add_node() {
  const HostId id = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  Host* host = hosts_[id].get();
  if (host->is_up()) return;
  if (host->boots() > 0) {
    // Its disk is wiped, so it must be out for good.
    const std::vector<Voters> all = voters_in_question(kNobody);
    const bool may_be_needed = std::any_of(all.begin(), all.end(), [&](const Voters& voters) {
      const auto at = voters.find(host->name());
      return at != voters.end() && at->second == host->disk().incarnation();
    });
    if (may_be_needed || !checkers_.members().was_removed(host->disk().incarnation())) return;
    host->wipe_disk();
  }
  count("node added");
  host->start();
}

// Through any node that runs. The leader guards the majority; a removal that it refuses comes to nothing. An
// operator does not take a node out while another one's disk is gone, which the leader may not know yet.
void World::remove_node() {
  const HostId id = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  const HostId through = troubles_.choose(static_cast<uint32_t>(hosts_.size()));
  if (!is_wanted(*hosts_[id]) || !hosts_[through]->is_up()) return;
  for (const Voters& voters : voters_in_question(kNobody)) {
    if (lost_disks(voters, kNobody) > 0) return;
  }
  doomed_[hosts_[id]->name()] = events_.now();
  count("removal asked for");
  if (trace_.keeps()) trace_.line(events_.now(), "operator", "removes " + hosts_[id]->name());
  hosts_[through]->submit(MemberOp{RemoveNodeOp{hosts_[id]->name(), false}});
}

void World::freeze() {
  Host* host = hosts_[victim()].get();
  if (!host->is_up() || host->is_frozen()) return;
  count("freeze");
  host->freeze();
  events_.after(spell(), [host] { host->thaw(); });
}

void World::drain() {
  Host* host = hosts_[victim()].get();
  if (!host->is_up() || host->is_frozen()) return;
  count("drain");
  host->drain(troubles_.between(0ms, profile_.election_timeout), [this, host] {
    events_.after(troubles_.between(1ms, profile_.down_max), [host] { host->start(); });
  });
}

void World::operate() {
  const uint32_t what = troubles_.choose(5);
  if (what < 3) return operator_.force_election();
  operator_.drain(victim(), what == 3);
}

void World::heal() {
  troubled_ = false;
  rare_.stop();
  network_.heal_all();
  network_.speed_up_all();
  network_.set_refusing(false);
  network_.stop_frame_faults();
  for (auto& host : hosts_) {
    host->heal();
    host->thaw();
    if (host->boots() > 0 || host->id() < profile_.nodes) host->start();
  }
  trace_.line(events_.now(), "world", "all is healed");
}

}  // namespace patronus::sim
