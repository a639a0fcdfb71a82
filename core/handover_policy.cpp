#include "core/handover_policy.h"

#include <algorithm>
#include <iterator>

#include "core/base/limits.h"

namespace patronus {
namespace {

std::string said_in_ms(Duration duration) { return std::to_string(in_ms(duration)) + " ms"; }

}  // namespace

HandOverPolicy::HandOverPolicy(uint8_t priority, Duration election_timeout)
    : priority_(priority),
      patience_(limits::kHandOverPatienceTimeouts * election_timeout),
      slow_above_(std::clamp<Duration>(election_timeout / 10, limits::kSlowDiskMin, limits::kSlowDiskMax)),
      back_off_(patience_) {}

void HandOverPolicy::note_pace(Instant now, Duration pace) {
  if (pace > slow_above_) {
    if (!slow_since_) slow_since_ = now;
  } else if (pace < slow_above_ / 2) {
    slow_since_.reset();
  }
}

std::optional<HandOverPolicy::Choice> HandOverPolicy::review(Instant now, Instant led_since, Duration pace,
                                                             LogRoom room,
                                                             const std::vector<Contender>& all) {
  note_pace(now, pace);
  if (std::optional<Choice> choice = roomier_one(now, room, all)) return choice;
  // Nobody who would then hand over for want of room.
  std::vector<Contender> contenders;
  std::copy_if(all.begin(), all.end(), std::back_inserter(contenders),
               [&](const Contender& one) { return one.room >= room || one.room == LogRoom::kUnknown; });
  if (now < not_before_ || now - led_since < patience_) return std::nullopt;
  // What was slow before this leadership, as a follower, is looked at afresh.
  const bool slow = slow_since_ && now - std::max(*slow_since_, led_since) >= patience_;
  std::optional<Choice> choice = slow ? faster_one(pace, contenders) : std::nullopt;
  if (!choice) choice = preferred_one(contenders);
  if (!choice) return std::nullopt;
  const Duration longest = limits::kHandOverBackOffFactorMax * patience_;
  if (now - not_before_ > longest) back_off_ = patience_;
  not_before_ = now + back_off_;
  back_off_ = std::min(2 * back_off_, longest);
  return choice;
}

std::optional<HandOverPolicy::Choice> HandOverPolicy::roomier_one(Instant now, LogRoom room,
                                                                  const std::vector<Contender>& contenders) {
  if (room == LogRoom::kPlenty || now < next_for_room_) return std::nullopt;
  const Contender* best = nullptr;
  for (const Contender& one : contenders) {
    if (one.room == LogRoom::kUnknown || one.room <= room) continue;
    if (best == nullptr || one.room > best->room) best = &one;
  }
  if (best == nullptr) return std::nullopt;
  next_for_room_ = now + limits::kTransferTimeout;
  return Choice{best->id, "the disk is full here, and node " + best->id + " has room"};
}

std::optional<HandOverPolicy::Choice> HandOverPolicy::faster_one(
    Duration pace, const std::vector<Contender>& contenders) const {
  const Contender* best = nullptr;
  for (const Contender& one : contenders) {
    const bool clearly_faster =
        one.write > Duration{0} && one.write <= slow_above_ / 2 && one.write <= pace / 4;
    if (clearly_faster && (best == nullptr || one.write < best->write)) best = &one;
  }
  if (best == nullptr) return std::nullopt;
  return Choice{best->id, "a write to the log takes " + said_in_ms(pace) + " here and " +
                              said_in_ms(best->write) + " on node " + best->id};
}

// Nobody whose disk is slow, or has not shown yet that it is not: it would hand over again.
std::optional<HandOverPolicy::Choice> HandOverPolicy::preferred_one(
    const std::vector<Contender>& contenders) const {
  const Contender* best = nullptr;
  for (const Contender& one : contenders) {
    if (one.priority <= priority_ || one.write == Duration{0} || one.write > slow_above_ / 2) continue;
    if (best == nullptr || one.priority > best->priority) best = &one;
  }
  if (best == nullptr) return std::nullopt;
  return Choice{best->id, "node " + best->id + " has priority " + std::to_string(best->priority) +
                              ", this one " + std::to_string(priority_)};
}

}  // namespace patronus
