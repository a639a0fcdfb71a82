#include "io/api/backup_routes.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/api/state_answers.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

// Why there is no backup to speak of, or what is wrong with it, in words; empty if all is well.
std::string problem_of(const BackupView& view, int64_t now_ms) {
  if (!view.has_database) return "this node has no database: PATRONUS_DB_PATH is off";
  if (!view.report)
    return "nobody copies this node's database off site: set PATRONUS_BACKUP_TARGETS and start patronusctl "
           "backup run "
           "beside it";
  if (now_ms - view.report->at_ms > in_ms(limits::kBackupReportStale))
    return "patronusctl backup run, which copies this node's database, has not been heard since " +
           rfc3339(view.report->at_ms);
  if (!view.report->detail.empty()) return view.report->detail;
  return view.report->runs ? "" : "Litestream does not run";
}

void text_or_null(json::Writer& out, std::string_view name, const std::string& text) {
  out.key(name);
  if (text.empty())
    out.null();
  else
    out.value(text);
}

void time_or_null(json::Writer& out, std::string_view name, int64_t unix_ms) {
  text_or_null(out, name, unix_ms == 0 ? "" : rfc3339(unix_ms));
}

// As Litestream writes it: the index in hexadecimal digits, and the offset.
std::string text_of(const backup::LogPosition& position) {
  return to_hex(position.index).substr(8) + ":" + std::to_string(position.offset);
}

void write_target(json::Writer& out, const backup::TargetReport& target, const backup::Report& report,
                  int64_t now_ms) {
  out.begin_object().field("name", target.name).field("url", target.url);
  text_or_null(out, "generation", target.generation);
  text_or_null(out, "position", target.replica ? text_of(*target.replica) : "");
  text_or_null(out, "local_position", target.generation.empty() ? "" : text_of(report.shadow));
  out.key("lag_ms");
  if (target.covered_ms == 0)
    out.null();
  else
    out.value(std::max<int64_t>(0, now_ms - target.covered_ms));
  time_or_null(out, "last_success", target.covered_ms);
  out.key("state_revision");
  if (target.state_revision == 0)
    out.null();
  else
    out.value(target.state_revision);
  time_or_null(out, "state_at", target.state_ms);
  text_or_null(out, "state_problem", target.state_fault);
  out.key("verified");
  const auto verified =
      std::find_if(report.verified.begin(), report.verified.end(),
                   [&](const backup::VerifyReport& one) { return one.target == target.name; });
  if (verified == report.verified.end()) {
    out.null();
  } else {
    out.begin_object().field("ok", verified->ok).field("at", rfc3339(verified->at_ms));
    out.field("revision", verified->revision).field("rows", verified->rows);
    out.field("detail", verified->detail).end();
  }
  out.end();
}

}  // namespace

BackupFigures backup_figures(const BackupView& view, int64_t now_ms) {
  BackupFigures figures;
  if (!view.report || view.report->targets.empty()) return figures;
  figures.covered_ms = view.report->targets.front().covered_ms;
  for (const backup::TargetReport& target : view.report->targets)
    figures.covered_ms = std::min(figures.covered_ms, target.covered_ms);
  if (figures.covered_ms != 0) figures.lag_ms = std::max<int64_t>(0, now_ms - figures.covered_ms);
  return figures;
}

http::Response backup_status_response(const BackupView& view, const std::string& node, int64_t now_ms) {
  static const backup::Report kNone;
  const backup::Report& report = view.report ? *view.report : kNone;
  std::string body;
  json::Writer out(body);
  out.begin_object().field("node", node);
  text_or_null(out, "problem", problem_of(view, now_ms));
  text_or_null(out, "cluster_id", report.cluster);
  out.field("litestream", report.runs);
  time_or_null(out, "reported_at", report.at_ms);
  out.begin_array("targets");
  for (const backup::TargetReport& target : report.targets) write_target(out, target, report, now_ms);
  out.end().begin_object("now").field("request", report.now_done);
  time_or_null(out, "covered", report.now_ms);
  text_or_null(out, "problem", report.now_fault);
  out.end().begin_object("verify").field("request", report.verify_done).finish();
  return private_json(200, std::move(body));
}

std::variant<backup::Requests, Problem> ask_backup(Route route, const BackupView& view,
                                                   const backup::Requests& last, int64_t now_ms) {
  if (!view.report || now_ms - view.report->at_ms > in_ms(limits::kBackupReportStale))
    return Problem{503, "backup_not_running", problem_of(view, now_ms), true, false, {}};
  backup::Requests next = last;
  // Above all that this node or an earlier process of it has asked.
  const auto after = [&](uint64_t asked, uint64_t done) {
    return std::max({asked, done, static_cast<uint64_t>(std::max<int64_t>(0, now_ms))}) + 1;
  };
  if (route == Route::kBackupNow)
    next.now = after(last.now, view.report->now_done);
  else
    next.verify = after(last.verify, view.report->verify_done);
  return next;
}

http::Response backup_asked_response(uint64_t request) {
  std::string body;
  json::Writer out(body);
  out.begin_object().field("request", request).finish();
  return private_json(202, std::move(body));
}

}  // namespace patronus::api
