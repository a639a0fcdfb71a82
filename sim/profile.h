// What a seed's world is like: its size, its timing, and which kinds of trouble are on. Those that are not
// are exactly off (swarm testing: Groce and others, 2012).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/event.h"
#include "sim/tape.h"

namespace patronus::sim {

struct Profile {
  uint32_t nodes = 3;
  uint32_t extras = 0;  // nodes that are not there at the founding
  uint32_t clients = 4;
  uint32_t users = 2;  // with sessions to be judged
  uint32_t keys = 3;
  Duration length{};  // of the troubled part
  Duration election_timeout{};
  Duration heartbeat_interval{};
  std::optional<Duration> paper_elections;  // as in Boot
  Duration latency_min{};
  Duration latency_max{};
  Duration sync_min{};
  Duration sync_max{};
  Duration think_max{};
  Duration session_idle{};
  size_t segment_bytes = 0;
  Duration life_interval = limits::kLifeInterval;
  CheckpointPace checkpoint_pace;
  LogRetention log_retention;

  // Fault families.
  bool partitions = false;
  bool one_way = false;
  bool frame_loss = false;
  bool duplication = false;
  bool reordering = false;
  bool slow_links = false;
  bool resets = false;
  bool refused_redials = false;
  bool crashes = false;
  bool power_cuts = false;
  bool wipes = false;
  bool rollbacks = false;  // disks are put back to what they were before
  bool freezes = false;
  bool drains = false;
  bool chunks = false;
  bool clock_skew = false;
  bool slow_disks = false;
  bool full_disks = false;
  bool failed_syncs = false;
  bool by_name = false;      // nodes find each other by a name
  bool clock_jumps = false;  // wall clocks are set, forward or back
  bool rot = false;          // bits of images turn over while nodes run
  bool uncapped = false;     // more disks are lost than the voters can bear; nothing is demanded but safety
  bool versions = false;     // nodes are of two versions, each as it starts
  bool operators = false;    // leadership is moved about, nodes are drained and taken in again
  bool churn = false;        // an operator adds and removes nodes
  std::array<uint8_t, limits::kMembersMax> leader_priorities{};  // of each node; all 0: no wish
  Duration trouble_interval{};                                   // between two faults, at most
  Duration leave_grace{};                                        // so long who is taken out still serves
  Duration churn_interval{};      // between two changes of who belongs, at most
  Duration down_max{};            // how long a killed node stays down, at most
  bool strike_leaders = false;    // troubles prefer whoever leads
  bool strike_elections = false;  // and come while votes are under way
  bool strike_commits = false;    // and silence a leader just as it learns what is committed
  bool ask_new_leaders = false;   // whoever rests reads in a leader's first moments
  bool suspensions = false;       // machines stand still and go on
  bool flapping = false;          // links come and go
  int64_t clock_rate_ppm = 0;     // by how much clocks are too fast or too slow, at most
  bool restores = false;          // snapshots are taken and restored while all goes on
  bool tables = false;            // somebody makes, changes and deletes sites and policies
  // Each of the code's rare turns comes once in about so many times; 0: never more than it does by itself.
  std::array<uint32_t, kRareTurns> rare_turns{};
  bool databases = false;  // rows are copied to a database beside the state, which is lost now and then

  // So long a time may last by the slowest clock.
  Duration by_slowest_clock(Duration time) const {
    return time + Duration{time.count() / 1'000'000 * clock_rate_ppm};
  }

  std::string describe() const;
};

// A seed's world is a short one, with much going on. The track "shape" of a tape makes it another.
[[nodiscard]] Profile draw_profile(Tape& tape);
// What is to be given for that track.
[[nodiscard]] Decisions long_worlds();

}  // namespace patronus::sim
