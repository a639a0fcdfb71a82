#include "io/api/state_answers.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "core/base/limits.h"
#include "io/api/member_routes.h"
#include "io/json/base64.h"
#include "io/json/utf8.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

http::Response json_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = std::move(body);
  return response;
}

void put_numbers(json::Writer& out, const Record& record) {
  out.field("create_revision", record.create_revision.value)
      .field("mod_revision", record.mod_revision.value)
      .field("version", record.version);
}

// Text as it is, other bytes in base64.
void put_record(json::Writer& out, const Record& record, bool with_value) {
  if (with_value) {
    const std::string_view value = record.value.view();
    if (json::is_valid_utf8(value)) {
      out.field("value", value);
    } else {
      out.field("value_base64", json::base64_encode(value));
    }
  }
  out.field("content_type", record.content_type);
  put_numbers(out, record);
}

Problem key_problem(const Asked& asked, const WriteResult& result) {
  switch (result.outcome) {
    case Outcome::kNotFound:
      return {404, "key_not_found", "there is no key '" + asked.key + "'", false, false, {}};
    case Outcome::kPreconditionFailed:
      return {412,
              "precondition_failed",
              result.record.version == 0
                  ? "the key does not exist"
                  : "the key's mod_revision is " + std::to_string(result.record.mod_revision.value),
              false,
              false,
              {}};
    case Outcome::kCompareFailed: {
      Problem problem{409, "compare_failed", "a comparison does not hold and there is no else", false, false,
                      {}};
      const size_t which = result.failed_compare;
      const std::string words =
          which < asked.compares.size() ? asked.compares[which] : std::string("a comparison");
      problem.detail = "comparison " + std::to_string(which) + " does not hold: " + words;
      problem.errors.push_back({"compare[" + std::to_string(which) + "]", "does not hold: " + words});
      return problem;
    }
    case Outcome::kTooLarge:
      return {
          422, "batch_result_too_large", "the batch touches or returns more than one batch may", false, false,
          {}};
    default:
      return write_problem(result);
  }
}

std::string batch_body(const WriteResult& result) {
  std::string body;
  json::Writer out(body);
  out.begin_object().field("succeeded", result.succeeded).field("revision", result.revision.value);
  out.begin_array("results");
  for (const StepResult& step : result.steps) {
    static constexpr std::array<std::string_view, 5> kNames{"", "put", "get", "delete", "delete_prefix"};
    out.begin_object().field("op", kNames[static_cast<size_t>(step.kind)]).field("key", step.key);
    if (step.kind == StepKind::kPut && step.record) put_numbers(out, *step.record);
    if (step.kind == StepKind::kGet) out.field("found", step.record.has_value());
    if (step.kind == StepKind::kGet && step.record) put_record(out, *step.record, true);
    if (step.kind == StepKind::kDelete || step.kind == StepKind::kDeletePrefix)
      out.field("deleted", step.deleted);
    out.end();
  }
  out.finish();
  return body;
}

Problem problem_of(ReadFailure failure) {
  switch (failure) {
    case ReadFailure::kNoLeader:
      return {503, "no_leader", "no leader is known, so nobody can vouch for a read", true, false, {}};
    case ReadFailure::kTimeout:
      return {503, "no_quorum", "the read was not confirmed by a quorum in time", true, false, {}};
    case ReadFailure::kBusy:
      return {503, "busy", "too many reads are waiting", true, false, {}};
    case ReadFailure::kRevisionNotReached:
      return {503, "revision_not_reached", "this node has not applied min_revision in time", true, false, {}};
  }
  return {503, "unavailable", "the read could not be served", true, false, {}};
}

http::Response get_response(const Asked& asked, const ReadResult& result, const Origin& origin) {
  if (!result.record) {
    return problem_response({404, "key_not_found", "there is no key '" + asked.key + "'", false, false, {}},
                            origin);
  }
  const Record& record = *result.record;
  http::Response response;
  if (asked.if_none_match == etag(record.mod_revision) || asked.if_none_match == "*") {
    response.status = 304;
  } else if (asked.meta) {
    std::string body;
    json::Writer out(body);
    out.begin_object().field("key", asked.key);
    put_record(out, record, true);
    out.key("lease").null().finish();
    response = json_response(200, std::move(body));
  } else {
    response.headers.push_back({"Content-Type", record.content_type});
    // The type is what a client said. A page that somebody stored must not act as one of the dashboard's own.
    response.headers.push_back({"Content-Security-Policy", "default-src 'none'; sandbox"});
    response.body = std::string(record.value.view());
  }
  response.headers.push_back({"ETag", etag(record.mod_revision)});
  return response;
}

http::Response list_response(const Asked& asked, const ReadResult& result) {
  std::string body;
  json::Writer out(body);
  out.begin_object().begin_array("items");
  for (const ListItem& item : result.page.items) {
    out.begin_object().field("key", item.key);
    put_record(out, item.record, !asked.keys_only);
    out.end();
  }
  out.end().key("cursor");
  if (result.page.more) {
    out.value(json::base64_encode(result.page.items.back().key));
  } else {
    out.null();
  }
  out.field("revision", result.revision.value).finish();
  return json_response(200, std::move(body));
}

http::Response history_response(const ReadResult& result) {
  std::string body;
  json::Writer out(body);
  out.begin_object().begin_array("changes");
  for (const LeaderChange& change : result.history.changes) {
    out.begin_object()
        .field("index", change.index.value)
        .field("term", change.term.value)
        .field("leader", change.leader)
        .field("cause", cause_name(change.cause))
        .field("time", rfc3339(change.stamp.wall_ms))
        .end();
  }
  out.end().field("total", result.history.total).field("revision", result.revision.value).finish();
  return json_response(200, std::move(body));
}

}  // namespace

std::string etag(Index revision) { return "\"" + std::to_string(revision.value) + "\""; }

std::string rfc3339(int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(unix_ms % 1000));
  return text.data();
}

http::Response write_response(const Asked& asked, const WriteResult& result, const Origin& origin) {
  if (asked.route == Route::kClusterNodes || asked.route == Route::kClusterNode ||
      asked.route == Route::kReinit)
    return node_change_response(asked, result, origin);
  if (result.outcome != Outcome::kOk) return problem_response(key_problem(asked, result), origin);
  if (asked.route == Route::kStateBatch) return json_response(200, batch_body(result));
  http::Response response;
  if (asked.method == http::Method::kDelete) {
    response.status = 204;
    return response;
  }
  std::string body;
  json::Writer out(body);
  out.begin_object().field("key", asked.key);
  put_numbers(out, result.record);
  out.finish();
  response = json_response(result.created ? 201 : 200, std::move(body));
  response.headers.push_back({"ETag", etag(result.record.mod_revision)});
  return response;
}

void note_staleness(const ReadResult& result, http::Response& response) {
  if (!result.staleness) return;
  // Rounded up: it is a bound.
  response.headers.push_back(
      {"X-Patronus-Staleness-Ms", std::to_string((result.staleness->count() + 999'999) / 1'000'000)});
}

http::Response read_response(const Asked& asked, const ReadResult& result, const Origin& origin) {
  if (result.failure) return problem_response(problem_of(*result.failure), origin);
  http::Response response;
  switch (asked.route) {
    case Route::kStateList:
      response = list_response(asked, result);
      break;
    case Route::kClusterHistory:
      response = history_response(result);
      break;
    default:
      response = get_response(asked, result, origin);
  }
  note_staleness(result, response);
  return response;
}

}  // namespace patronus::api
