#include "sim/profile.h"

#include <algorithm>

#include "core/base/limits.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr const char* kShape = "shape";

bool has_wishes(const Profile& profile) {
  const auto& priorities = profile.leader_priorities;
  return std::any_of(priorities.begin(), priorities.end(), [](uint8_t one) { return one > 0; });
}

// Most seeds write the image often and keep little of the log, so that a node starts from all kinds of
// places; in half of them not even for members who lack it, so that these are given the whole state.
void draw_image(Track& tape, Profile& p) {
  p.log_retention.bytes_max = limits::kLogBytesMax;
  if (tape.chance(200)) return;
  p.checkpoint_pace.bytes = 512 + tape.choose(16 * 1024);
  p.checkpoint_pace.interval = tape.between(20ms, 3s);
  p.log_retention.tail_entries = tape.choose(60);
  p.log_retention.tail_bytes = tape.choose(8 * 1024);
  if (tape.chance(500)) p.log_retention.bytes_max = p.log_retention.tail_bytes + tape.choose(16 * 1024);
  p.segment_bytes = 8 * limits::kKiB + tape.choose(24 * 1024);
}

// Five nodes for ten minutes, with faults and a load that leaves time: what takes long to show.
void stretch(Track& tape, Profile& p) {
  p.nodes = 5;
  p.length = 10min;
  p.election_timeout = tape.between(500ms, 1s);
  p.heartbeat_interval = p.election_timeout / (5 + tape.choose(3));
  p.think_max = tape.pause(1s, 5s);
  p.trouble_interval = tape.between(2s, 20s);
  p.down_max = 10s;
  if (p.churn) p.churn_interval = tape.between(10s, 60s);
}

Profile draw_short(Track& tape) {
  Profile p;
  p.nodes = tape.chance(300) ? 5 : 3;
  if (tape.chance(30)) p.nodes = 1;
  p.clients = 2 + tape.choose(4);
  p.keys = 1 + tape.choose(4);
  p.users = 1 + tape.choose(2);
  p.length = tape.between(4s, 14s);
  p.election_timeout = tape.between(200ms, 1s);
  p.heartbeat_interval = p.election_timeout / (5 + tape.choose(3));
  p.latency_min = tape.between(20us, 500us);
  p.latency_max = p.latency_min + tape.between(100us, 8ms);
  p.sync_min = tape.between(50us, 1ms);
  p.sync_max = p.sync_min + tape.between(100us, 12ms);
  p.think_max = tape.pause(2ms, 300ms);
  p.session_idle = std::chrono::hours(2);
  p.segment_bytes = tape.chance(500) ? 256 * limits::kKiB : limits::kWalSegmentBytes;
  draw_image(tape, p);
  for (bool* family :
       {&p.partitions, &p.one_way, &p.frame_loss, &p.duplication, &p.reordering, &p.slow_links, &p.resets,
        &p.refused_redials, &p.crashes, &p.power_cuts, &p.wipes, &p.freezes, &p.drains, &p.chunks,
        &p.clock_skew, &p.slow_disks, &p.full_disks, &p.versions, &p.operators}) {
    *family = tape.chance(400);
  }
  if (tape.chance(400)) {
    for (uint8_t& priority : p.leader_priorities) priority = static_cast<uint8_t>(10 * tape.choose(3));
  }
  p.trouble_interval = tape.between(100ms, 2s);
  p.down_max = 2s;
  // Storms: short timeouts, one trouble after the other, aimed where they hurt.
  if (tape.chance(500)) {
    p.election_timeout = tape.between(50ms, 250ms);
    p.heartbeat_interval = p.election_timeout / (5 + tape.choose(3));
    p.trouble_interval = p.election_timeout * (2 + tape.choose(4)) / 2;
    p.down_max = p.election_timeout * (1 + tape.choose(4)) / 2;
    p.strike_leaders = tape.chance(800);
    p.strike_elections = tape.chance(500);
    p.length = tape.between(3s, 9s);
    p.sync_max = std::min<Duration>(p.sync_max, p.election_timeout / 20);
    p.sync_min = std::min<Duration>(p.sync_min, p.sync_max / 2);
    p.latency_max = std::min<Duration>(p.latency_max, p.election_timeout / 20);
    p.latency_min = std::min<Duration>(p.latency_min, p.latency_max / 2);
    if (tape.chance(300)) p.latency_max = p.election_timeout / 4;
    p.think_max = tape.pause(1ms, 40ms);
  }
  p.churn = tape.chance(500);
  if (p.churn) {
    p.extras = 1 + tape.choose(2);
    if (tape.chance(500)) p.leave_grace = p.election_timeout * tape.choose(4) / 2;
    p.churn_interval = p.election_timeout * (2 + tape.choose(8)) / 2;
  }
  p.strike_commits = (p.crashes || p.power_cuts) && tape.chance(300);
  p.ask_new_leaders = tape.chance(500);
  // A world's state is small; its image is to be written in several pieces all the same.
  if (tape.chance(500)) p.checkpoint_pace.piece_rows = 1 + tape.choose(8);
  p.rollbacks = tape.chance(300);
  if (p.rollbacks) p.life_interval = tape.between(50ms, 4s);
  p.suspensions = tape.chance(300);
  p.flapping = tape.chance(300);
  // Far more than any quartz is off, so that what is wrong by it shows within seconds.
  if (tape.chance(300)) p.clock_rate_ppm = 1 + tape.choose(50'000);
  p.restores = tape.chance(350);
  p.failed_syncs = tape.chance(300);
  p.uncapped = tape.chance(80);
  if (p.uncapped) {
    p.wipes = true;
    p.rollbacks = false;
  }
  p.tables = tape.chance(400) && !p.uncapped;
  p.databases = tape.chance(500);
  p.rot = tape.chance(250);
  p.clock_jumps = tape.chance(250);
  p.by_name = tape.chance(250);
  if (tape.chance(400)) {
    for (uint32_t& gap : p.rare_turns) gap = tape.chance(250) ? 2U << tape.choose(6) : 0;
  }
  return p;
}

}  // namespace

Profile draw_profile(Tape& tape) {
  Track& track = tape.track("profile");
  Profile profile = draw_short(track);
  if (tape.given(kShape).choose(2) == 1) stretch(track, profile);
  return profile;
}

Decisions long_worlds() { return {{kShape, {1}}}; }

std::string Profile::describe() const {
  std::string text = std::to_string(nodes) + " nodes and " + std::to_string(extras) + " more, " +
                     std::to_string(clients) + " clients, " + std::to_string(length / 1ms) +
                     " ms, election timeout " + std::to_string(election_timeout / 1ms) + " ms;";
  const auto name = [&](bool on, const char* family) {
    if (on) text += std::string(" ") + family;
  };
  name(partitions, "partitions");
  name(one_way, "one-way");
  name(frame_loss, "loss");
  name(duplication, "duplication");
  name(reordering, "reordering");
  name(slow_links, "slow-links");
  name(resets, "resets");
  name(refused_redials, "refused-redials");
  name(crashes, "crashes");
  name(power_cuts, "power-cuts");
  name(wipes, "wipes");
  name(rollbacks, "rollbacks");
  name(freezes, "freezes");
  name(drains, "drains");
  name(chunks, "chunks");
  name(clock_skew, "clock-skew");
  name(slow_disks, "slow-disks");
  name(full_disks, "full-disks");
  name(failed_syncs, "failed-syncs");
  name(clock_jumps, "clock-jumps");
  name(by_name, "by-name");
  name(rot, "rot");
  name(uncapped, "uncapped");
  name(versions, "versions");
  name(operators, "operators");
  name(tables, "tables");
  name(has_wishes(*this), "priorities");
  name(churn, "churn");
  name(strike_leaders, "strike-leaders");
  name(strike_elections, "strike-elections");
  name(strike_commits, "strike-commits");
  name(ask_new_leaders, "ask-new-leaders");
  name(suspensions, "suspensions");
  name(flapping, "flapping");
  name(clock_rate_ppm != 0, "clock-rates");
  name(restores, "restores");
  name(databases, "databases");
  const auto rare = std::count_if(rare_turns.begin(), rare_turns.end(), [](uint32_t gap) { return gap > 0; });
  if (rare > 0) text += " rare-turns(" + std::to_string(rare) + ")";
  return text;
}

}  // namespace patronus::sim
