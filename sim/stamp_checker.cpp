#include "sim/stamp_checker.h"

#include <algorithm>
#include <string>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr int64_t kRoundingMs = 2;

}  // namespace

void StampChecker::after_step(const Host& host, Instant now) {
  note_leading(host, now);
  const Raft& raft = host.node().raft();
  for (; seen_ < raft.commit(); seen_ = seen_.next()) {
    const Index next = seen_.next();
    if (next <= raft.log().base_index()) continue;
    check(raft.log().at(next), now);
    last_ = raft.log().at(next).stamp;
  }
}

void StampChecker::note_leading(const Host& host, Instant now) {
  if (was_led_) led_ += now - looked_;
  looked_ = now;
  was_led_ = std::any_of(hosts_.begin(), hosts_.end(), [](const auto& one) {
    return one->is_up() && !one->is_frozen() && one->node().raft().is_leader();
  });
  if (!host.is_frozen()) {
    stand_still_.erase(host.id());
  } else if (stand_still_.insert(host.id()).second) {
    led_ += profile_.election_timeout;
  }
}

void StampChecker::check(const Entry& entry, Instant now) const {
  const std::string where = " at index " + std::to_string(entry.index.value);
  if (entry.stamp.lease_ms < last_.lease_ms || entry.stamp.wall_ms < last_.wall_ms)
    throw Violation("stamps", "the cluster's time goes back" + where);
  const int64_t most = profile_.by_slowest_clock(now - Instant{}) / 1ms + kRoundingMs;
  const int64_t lease_most = profile_.by_slowest_clock(led_) / 1ms + kRoundingMs;
  if (entry.stamp.lease_ms > lease_most)
    throw Violation("stamps", "leases have run for " + std::to_string(entry.stamp.lease_ms) + " ms, of " +
                                  std::to_string(lease_most) + " in which somebody led" + where);
  if (entry.stamp.wall_ms > kEpochMs + most + kWallSkewMaxMs)
    throw Violation("stamps", "the cluster's wall time is ahead of every clock" + where);
}

}  // namespace patronus::sim
