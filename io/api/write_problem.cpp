// What any write may fail with, whatever it was to do; and the answers that no cache may keep.
#include "core/base/limits.h"
#include "io/api/state_answers.h"

namespace patronus::api {

Problem write_problem(const WriteResult& result) {
  const bool maybe = result.maybe_applied;
  switch (result.outcome) {
    case Outcome::kUnauthorized:
      return {401, "unauthorized", "the session has ended; log in again", false, false, {}};
    case Outcome::kForbidden:
      return {403, "forbidden", "the user's role no longer allows this", false, false, {}};
    case Outcome::kQuotaExceeded:
      return {507,
              "quota_exceeded",
              "the state would outgrow its quota of " + std::to_string(limits::kStateBytesMax) +
                  " bytes; delete keys first",
              false,
              false,
              {}};
    case Outcome::kKeyReused:
      return {
          422, "idempotency_key_reused", "this Idempotency-Key was used for another request", false, false,
          {}};
    case Outcome::kKeyCapReached:
      return {429,
              "idempotency_keys_exhausted",
              "too many writes with an Idempotency-Key in 24 hours; write without one or later",
              true,
              false,
              {}};
    case Outcome::kWouldBreakQuorum:
      return {409,
              "would_break_quorum",
              "without this node the healthy voters would be no majority; mend another node first",
              false,
              maybe,
              {}};
    case Outcome::kLeads:
      return {409, "leads", "this node leads; have another one lead first", false, maybe, {}};
    case Outcome::kNoLeader:
      return {503, "no_leader", "no leader was found in time; nothing was written", true, false, {}};
    case Outcome::kMaybeApplied:
      return {504,
              "commit_unknown",
              "the write was not confirmed in time; it may or may not take effect",
              true,
              true,
              {}};
    case Outcome::kBusy:
      return {503, "busy", "too many writes are waiting", true, maybe, {}};
    case Outcome::kFull:
      return {507,
              "log_full",
              "there is no room for more writes: the disks of a majority are full, or checkpoints fail; "
              "patronusctl status says whose",
              true,
              maybe,
              {}};
    default:
      return {422, "refused", "the write can't be applied", false, false, {}};
  }
}

http::Response private_json(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  response.headers.push_back({"Cache-Control", "no-store"});
  response.body = std::move(body);
  return response;
}

}  // namespace patronus::api
