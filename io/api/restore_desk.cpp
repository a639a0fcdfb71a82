#include "io/api/restore_desk.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/api/body.h"
#include "io/api/state_answers.h"
#include "io/api/state_requests.h"
#include "io/auth/refresh_token.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

constexpr Duration kQueryRetry = std::chrono::milliseconds(50);

struct RestoreBody {
  std::string id;
  bool keep_sessions = false;
  bool dry_run = false;
  bool other_cluster = false;
};

std::string_view text_of(RestoreRun::Stage stage) {
  switch (stage) {
    case RestoreRun::Stage::kBeginning:
      return "beginning";
    case RestoreRun::Stage::kStaging:
      return "staging";
    case RestoreRun::Stage::kFinishing:
      return "finishing";
    case RestoreRun::Stage::kDiscarding:
      return "discarding";
    case RestoreRun::Stage::kDone:
      return "done";
    case RestoreRun::Stage::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view text_of(RestoreStage stage) {
  switch (stage) {
    case RestoreStage::kStaging:
      return "staging";
    case RestoreStage::kDone:
      return "done";
    case RestoreStage::kGivenUp:
      return "failed";
  }
  return "failed";
}

std::string name_of(const BeginRestoreOp& begun) { return snapshot_id({begun.snapshot, begun.hash, 0}); }

}  // namespace

std::optional<http::Response> RestoreDesk::begin(RequestId request, const http::Request& body,
                                                 const Caller& caller, const Origin& origin, Now now) {
  std::variant<RestoreBody, Problem> read =
      read_body<RestoreBody>(body, limits::kOperatorBodyBytesMax, [](json::Fields& in, RestoreBody& into) {
        into.id = in.required_string("id", {.bytes_max = limits::kOperatorBodyBytesMax});
        into.keep_sessions = in.optional_bool("keep_sessions").value_or(false);
        into.dry_run = in.optional_bool("dry_run").value_or(false);
        into.other_cluster = in.optional_bool("other_cluster").value_or(false);
      });
  if (const auto* wrong = std::get_if<Problem>(&read)) return problem_response(*wrong, origin);
  const auto& wish = std::get<RestoreBody>(read);
  if (!is_snapshot_id(wish.id))
    return problem_response({422, "bad_snapshot", "id is not the name of a snapshot", false, false, {}},
                            origin);
  if (const auto wrong = obstacle(now)) return problem_response(*wrong, origin);
  asked_ = Asked{request, origin, caller, wish.id, wish.keep_sessions, wish.dry_run, wish.other_cluster};
  check_begun_ = false;
  next_query_ = now.mono;
  return std::nullopt;
}

std::optional<Problem> RestoreDesk::obstacle(Now now) const {
  if (asked_) {
    return conflict("restore_under_way", "this node restores snapshot " + asked_->snapshot +
                                             " already, as user " + asked_->caller.user +
                                             " wished; see GET /api/v1/snapshots/restore");
  }
  if (node_.cluster_protocol() < protocol::kRestore) {
    return conflict("upgrade_first", "a running cluster is restored with protocol " +
                                         std::to_string(protocol::kRestore) + ", and this one speaks " +
                                         std::to_string(node_.cluster_protocol()) +
                                         ", for not every node is upgraded, or known to be; see "
                                         "protocol in /api/v1/cluster/status");
  }
  const Staging& staging = node_.store().staging();
  const std::optional<Restoration>& last = staging.last();
  if (!last || last->stage != RestoreStage::kStaging || staging.is_idle(node_.cluster_stamp(now)))
    return std::nullopt;
  return conflict("restore_under_way", "another restore, of snapshot " + name_of(last->begun) +
                                           ", is under way since " + rfc3339(last->began_wall_ms) +
                                           (last->by.empty() ? "" : ", as user " + last->by + " wished"));
}

std::optional<SnapshotQuery> RestoreDesk::next_query(uint64_t ticket, Now now) {
  if (!asked_ || ticket_ || now.mono < next_query_) return std::nullopt;
  SnapshotQuery query;
  query.ticket = ticket;
  query.id = asked_->snapshot;
  if (!run_) {
    query.task = SnapshotTask::kCheck;
    query.from_start = !check_begun_;
  } else {
    if (!run_->wants_piece()) return std::nullopt;
    query.task = SnapshotTask::kRows;
    query.from_start = !reading_begun_;
    run_->asked_for_piece();
  }
  ticket_ = ticket;
  return query;
}

void RestoreDesk::refused_query(Now now) {
  ticket_.reset();
  next_query_ = now.mono + kQueryRetry;
  if (run_) run_->forget_question();
}

bool RestoreDesk::snapshot_answered(SnapshotAnswer& answer, Now now) {
  if (!ticket_ || answer.ticket != *ticket_) return false;
  ticket_.reset();
  next_query_ = now.mono;
  if (!run_) {
    checked(answer, now);
    return true;
  }
  reading_begun_ = true;
  if (!answer.failure.empty() || !answer.damage.empty()) {
    run_->source_failed(answer.failure.empty() ? "the snapshot is damaged: " + answer.damage : answer.failure,
                        now.mono);
  } else if (answer.found.empty()) {
    run_->source_failed("the snapshot is gone from this node", now.mono);
  } else {
    run_->piece(Blob(std::move(answer.bytes)), answer.rows, answer.at_end, now.mono);
  }
  tell(now);
  return true;
}

void RestoreDesk::checked(const SnapshotAnswer& looked, Now now) {
  check_begun_ = true;
  const Origin& origin = asked_->origin;
  if (!looked.failure.empty())
    return answer(problem_response({503, "snapshot_failed", looked.failure, true, false, {}}, origin));
  if (!looked.damage.empty()) {
    return answer(problem_response({422,
                                    "damaged_snapshot",
                                    "snapshot " + asked_->snapshot + " is not sound: " + looked.damage,
                                    false,
                                    false,
                                    {}},
                                   origin));
  }
  if (looked.found.empty()) {
    return answer(
        problem_response({404,
                          "no_such_snapshot",
                          "this node keeps no snapshot " + asked_->snapshot +
                              "; GET /api/v1/snapshots lists what it keeps, and PUT brings one here",
                          false,
                          false,
                          {}},
                         origin));
  }
  if (!looked.at_end || !looked.content) return;
  if (const auto problem = misfit(*looked.content)) return answer(problem_response(*problem, origin));
  if (asked_->dry_run) return answer(dry_run(*looked.content, now));
  start(*looked.content, now);
}

// A snapshot goes by the name of its cluster because keys of another one mean nothing here, or something
// else; it is an easy file to mistake.
std::optional<Problem> RestoreDesk::misfit(const SnapshotContent& content) const {
  // Once tables are open no node of an older version can be there, and all nodes take them alike.
  if (content.has_tables && node_.store().tables().schema() == 0) {
    return conflict(
        "upgrade_first",
        "the snapshot holds sites and policies, and this cluster has none before every node is of "
        "a version that knows them; see protocol in /api/v1/cluster/status");
  }
  if (is_own(content.cluster) || asked_->other_cluster) return std::nullopt;
  return conflict("other_cluster", "the snapshot is of cluster " + content.cluster.hex() +
                                       " and this is cluster " + node_.raft().hard_state().cluster_id.hex() +
                                       "; if that is meant, say \"other_cluster\": true");
}

bool RestoreDesk::is_own(const ClusterId& cluster) const {
  const std::deque<ClusterId>& former = node_.store().members().former();
  return cluster == node_.raft().hard_state().cluster_id ||
         std::find(former.begin(), former.end(), cluster) != former.end();
}

http::Response RestoreDesk::dry_run(const SnapshotContent& content, Now now) const {
  const size_t sessions = node_.store().accounts().session_count();
  std::string body;
  json::Writer out(body);
  out.begin_object().field("id", asked_->snapshot).field("dry_run", true);
  out.field("cluster_id", content.cluster.hex()).field("same_cluster", is_own(content.cluster));
  out.field("revision", content.artefact.index.value).field("keys", content.keys);
  out.field("sites", content.sites).field("policies", content.policies);
  out.field("taken_at", rfc3339(content.wall_ms));
  out.field("age_ms", std::max<int64_t>(0, node_.cluster_stamp(now).wall_ms - content.wall_ms));
  out.field("keys_now", uint64_t{node_.store().keys()});
  out.field("sites_now", uint64_t{node_.store().tables().sites().size()});
  out.field("policies_now", uint64_t{node_.store().tables().policies().size()});
  out.field("replaces_tables", content.has_tables);
  // Whoever restores stays.
  out.field("sessions_end", uint64_t{asked_->keep_sessions || sessions == 0 ? 0 : sessions - 1}).finish();
  return private_json(200, std::move(body));
}

void RestoreDesk::start(const SnapshotContent& content, Now now) {
  const std::string id = auth::new_id(crypto_);
  const BeginRestoreOp begun{id, content.artefact.index, content.artefact.hash, content.cluster,
                             content.rows};
  const FinishRestoreOp finish{id, content.rows, content.rows_hash, !asked_->keep_sessions};
  run_.emplace(begun, finish, now.mono);
  reading_begun_ = false;
  notice_ = "restores snapshot " + asked_->snapshot + " into the cluster, " + std::to_string(content.keys) +
            " keys, " + std::to_string(content.sites) + " sites and " + std::to_string(content.policies) +
            " policies, as user " + asked_->caller.user + " wishes";
  told_ = Told{id, asked_->snapshot, asked_->caller.user, "", 0, content.rows, "", {}};
  tell(now);
  std::string body;
  json::Writer out(body);
  out.begin_object().field("id", asked_->snapshot).field("state", told_->state);
  out.field("rows_done", uint64_t{0}).field("rows_total", content.rows).finish();
  answer_ = {asked_->request, private_json(202, std::move(body))};
}

// The request is answered, and there is no run.
void RestoreDesk::answer(http::Response&& response) {
  answer_ = {asked_->request, std::move(response)};
  asked_.reset();
}

std::optional<ClientWrite> RestoreDesk::next_write(RequestId request, Now now) {
  if (!run_) return std::nullopt;
  std::optional<RestoreRun::Write> wanted = run_->next_write(now.mono);
  if (!wanted) {
    tell(now);
    return std::nullopt;
  }
  ClientWrite write;
  write.request = request;
  write.op = std::move(wanted->op);
  write.deadline = now.mono + limits::kRestoreWriteTimeout;
  if (wanted->for_user)
    write.authority = Authority{asked_->caller.session, asked_->caller.user, UserRole::kAdmin};
  writes_.emplace(request.value, wanted->ticket);
  return write;
}

bool RestoreDesk::answered(RequestId request, const WriteResult& result, Now now) {
  const auto at = writes_.find(request.value);
  if (at == writes_.end()) return false;
  const uint64_t ticket = at->second;
  writes_.erase(at);
  if (run_) run_->answered(ticket, result, now.mono);
  tell(now);
  return true;
}

// What the run has come to; when it is over it makes way for the next.
void RestoreDesk::tell(Now) {
  if (!run_) return;
  told_->state = text_of(run_->stage());
  told_->rows_done = run_->rows_staged();
  told_->as_of = node_.store().applied();
  if (run_->failure()) told_->error = run_->failure()->reason;
  if (!run_->is_over()) return;
  // Success every node says for itself, once it has applied it.
  if (run_->failure()) notice_ = "snapshot " + told_->snapshot + " is not restored: " + told_->error;
  run_.reset();
  asked_.reset();
}

std::optional<std::pair<RequestId, http::Response>> RestoreDesk::take_answer() {
  return std::exchange(answer_, std::nullopt);
}

Instant RestoreDesk::deadline() const {
  if (!asked_) return Instant::never();
  const bool asks = !ticket_ && (!run_ || run_->wants_piece());
  return std::min(run_ ? run_->deadline() : Instant::never(), asks ? next_query_ : Instant::never());
}

http::Response RestoreDesk::show() const {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (asked_ && !run_) {
    out.field("state", "checking").field("id", asked_->snapshot).field("by", asked_->caller.user);
    out.field("driven_here", true).finish();
    return private_json(200, std::move(body));
  }
  const std::optional<Restoration>& last = node_.store().staging().last();
  // What the log says of the run that this node knows best; or of a later one, on whichever node.
  const bool is_told_here =
      told_ && (!last || last->begun.id == told_->id || run_ || last->since <= told_->as_of);
  const bool is_same = last && told_ && last->begun.id == told_->id;
  const Restoration* of_log = last && (!is_told_here || is_same) ? &*last : nullptr;
  if (!is_told_here && of_log == nullptr) {
    out.field("state", "none").finish();
    return private_json(200, std::move(body));
  }
  const bool is_done = of_log != nullptr && of_log->stage == RestoreStage::kDone;
  const std::string_view state = is_done        ? "done"
                                 : is_told_here ? std::string_view(told_->state)
                                                : text_of(of_log->stage);
  out.field("state", state);
  out.field("id", is_told_here ? told_->snapshot : name_of(of_log->begun));
  out.field("by", is_told_here ? told_->by : of_log->by).field("driven_here", is_told_here);
  out.field("rows_done", of_log != nullptr ? of_log->rows : told_->rows_done);
  out.field("rows_total", of_log != nullptr ? of_log->begun.rows : told_->rows_total);
  if (of_log != nullptr) out.field("began_at", rfc3339(of_log->began_wall_ms));
  if (is_done) {
    out.field("ended_at", rfc3339(of_log->ended_wall_ms)).field("revision", of_log->revision.value);
    out.field("keys_put", of_log->counts.put).field("keys_deleted", of_log->counts.deleted);
    out.field("keys_unchanged", of_log->counts.unchanged)
        .field("sessions_ended", of_log->counts.sessions_ended);
  }
  const bool is_abandoned = !is_told_here && of_log->stage == RestoreStage::kGivenUp;
  const std::string error = is_done        ? ""
                            : is_abandoned ? "it was given up; the node that it was asked of says why"
                            : is_told_here ? told_->error
                                           : "";
  if (!error.empty()) out.field("error", error);
  out.finish();
  return private_json(200, std::move(body));
}

}  // namespace patronus::api
