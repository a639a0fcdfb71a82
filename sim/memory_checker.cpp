#include "sim/memory_checker.h"

#include <tuple>
#include <utility>

#include "core/base/limits.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

// A request lives for this long at a node, though whoever asked has given it up.
constexpr Duration kRequestLife = 4s;
// Nobody tries again sooner.
constexpr Duration kShortestPause = 20ms;
// What the node asks of itself: sessions to be touched or expired, members to be taken in, restores dropped.
constexpr size_t kOwnRequestsMax = 64;
// What comes between two checkpoints though nobody asks: lives, sessions that were used, verdicts.
constexpr size_t kEntriesMeanwhile = 50;
constexpr size_t kBytesMeanwhile = 32 * limits::kKiB;
// The one that is written, the next one, and one that is to go.
constexpr size_t kSegmentsBesides = 4;

}  // namespace

// Clients, those through whom each node is tried in the end, users with two tabs, the operator, who restores
// and who plans.
size_t MemoryChecker::askers() const {
  return profile_.clients + profile_.nodes + profile_.extras + 2 * profile_.users + 3;
}

void MemoryChecker::after_step(const Host& host) const {
  const Driver::Kept kept = host.kept();
  const size_t most = askers() * static_cast<size_t>(kRequestLife / kShortestPause);
  for (const auto& [count, bound, what] :
       {std::tuple{kept.requests, most + kOwnRequestsMax, "requests in the core"},
        {kept.http_requests, most, "HTTP requests"}}) {
    if (count > bound)
      throw Violation("memory", host.name() + " keeps " + std::to_string(count) + " " + what +
                                    ", more than anybody can have asked");
  }
}

std::string MemoryChecker::kept_without_need(const Host& host, bool all_know_restores) const {
  const Driver::Kept kept = host.kept();
  const size_t pieces = all_know_restores ? host.node().store().staging().pieces().size() : 0;
  const Log& log = host.node().raft().log();
  const LogRetention& retention = profile_.log_retention;
  const bool is_too_long =
      log.size() > retention.tail_entries + kEntriesMeanwhile ||
      log.bytes() > retention.tail_bytes + profile_.checkpoint_pace.bytes + kBytesMeanwhile;
  // Where lives follow each other within milliseconds they fill segments by themselves, behind the entries
  // that are kept; at production's pace that is one in three weeks.
  const size_t segments_max =
      profile_.rollbacks ? SIZE_MAX : retention.tail_bytes / profile_.segment_bytes + kSegmentsBesides;
  for (const auto& [count, what] :
       {std::pair{kept.requests, "requests in the core"},
        {kept.http_requests, "HTTP requests"},
        {kept.http_bytes, "bytes of HTTP requests and answers"},
        {kept.effects, "effects that wait for the log"},
        {pieces, "staged pieces"},
        {is_too_long ? log.size() : 0, "entries of a log that everybody has"},
        {host.disk().segments() > segments_max ? host.disk().segments() : 0, "segments of the log"}}) {
    if (count > 0) return std::to_string(count) + " " + what;
  }
  return {};
}

}  // namespace patronus::sim
