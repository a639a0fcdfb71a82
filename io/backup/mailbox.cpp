#include "io/backup/mailbox.h"

#include "core/base/limits.h"
#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/json/writer.h"

namespace patronus::backup {
namespace {

constexpr int64_t kFormat = 1;
constexpr size_t kTextMax = 500;
constexpr size_t kUrlMax = 2 * limits::kBackupTargetBytesMax;

std::string_view cut(std::string_view text, size_t bytes_max = kTextMax) { return text.substr(0, bytes_max); }

uint64_t whole(json::Fields& in, std::string_view name) {
  return static_cast<uint64_t>(in.required_int(name, 0));
}

void write(json::Writer& out, std::string_view name, const LogPosition& position) {
  out.begin_object(name).field("index", position.index).field("offset", position.offset).end();
}

LogPosition read_position(json::Fields& in) {
  LogPosition position;
  position.index = whole(in, "index");
  position.offset = whole(in, "offset");
  return position;
}

void write(json::Writer& out, const TargetReport& target) {
  out.begin_object().field("name", cut(target.name)).field("url", cut(target.url, kUrlMax));
  out.field("generation", cut(target.generation));
  if (target.replica) write(out, "replica", *target.replica);
  out.field("covered_ms", target.covered_ms).field("state_revision", target.state_revision);
  out.field("state_ms", target.state_ms).field("state_fault", cut(target.state_fault)).end();
}

TargetReport read_target(json::Fields& in) {
  TargetReport target;
  target.name = in.required_string("name", {.bytes_max = kTextMax});
  target.url = in.required_string("url", {.bytes_max = kUrlMax});
  target.generation = in.required_string("generation", {.bytes_max = kTextMax});
  in.optional_object("replica", [&](json::Fields& fields) { target.replica = read_position(fields); });
  target.covered_ms = in.required_int("covered_ms", 0);
  target.state_revision = whole(in, "state_revision");
  target.state_ms = in.required_int("state_ms", 0);
  // Each byte that is no UTF-8 may have become three.
  target.state_fault = in.required_string("state_fault", {.bytes_max = 3 * kTextMax});
  return target;
}

void write(json::Writer& out, const VerifyReport& verified) {
  out.begin_object()
      .field("target", cut(verified.target))
      .field("ok", verified.ok)
      .field("at_ms", verified.at_ms);
  out.field("revision", verified.revision)
      .field("rows", verified.rows)
      .field("detail", cut(verified.detail))
      .end();
}

VerifyReport read_verified(json::Fields& in) {
  VerifyReport verified;
  verified.target = in.required_string("target", {.bytes_max = kTextMax});
  verified.ok = in.required_bool("ok");
  verified.at_ms = in.required_int("at_ms", 0);
  verified.revision = whole(in, "revision");
  verified.rows = whole(in, "rows");
  verified.detail = in.required_string("detail", {.bytes_max = 3 * kTextMax});
  return verified;
}

// Nothing if it is not JSON, or not of this format, or what `read` takes is not all there is, as it should
// be.
template <typename Value, typename Read>
std::optional<Value> decode(std::string_view text, const Read& read) {
  const json::ParseLimits bounds{
      .bytes_max = limits::kBackupReportBytesMax, .depth_max = 8, .members_max = 1'000};
  std::variant<picojson::value, json::Error> parsed = json::parse(text, bounds);
  const auto* value = std::get_if<picojson::value>(&parsed);
  if (value == nullptr) return std::nullopt;
  json::Fields in(*value);
  Value got;
  if (in.required_int("format", kFormat, kFormat) != kFormat) return std::nullopt;
  read(in, got);
  if (!in.finish()) return std::nullopt;
  return got;
}

}  // namespace

std::string mailbox_of(const std::string& database) {
  const size_t slash = database.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  return database.substr(0, name) + "." + database.substr(name) + "-backup";
}

std::string report_path(const std::string& mailbox) { return mailbox + "/report.json"; }
std::string requests_path(const std::string& mailbox) { return mailbox + "/requests.json"; }

std::string encode(const Report& report) {
  std::string text;
  json::Writer out(text);
  out.begin_object()
      .field("format", kFormat)
      .field("node", cut(report.node))
      .field("cluster", cut(report.cluster));
  out.field("at_ms", report.at_ms).field("runs", report.runs).field("detail", cut(report.detail));
  write(out, "shadow", report.shadow);
  out.begin_array("targets");
  for (const TargetReport& target : report.targets) write(out, target);
  out.end().begin_array("verified");
  for (const VerifyReport& verified : report.verified) write(out, verified);
  out.end().field("now_done", report.now_done).field("now_ms", report.now_ms);
  out.field("now_fault", cut(report.now_fault)).field("verify_done", report.verify_done).finish();
  return text;
}

std::string encode(const Requests& requests) {
  std::string text;
  json::Writer out(text);
  out.begin_object()
      .field("format", kFormat)
      .field("now", requests.now)
      .field("verify", requests.verify)
      .finish();
  return text;
}

std::optional<Report> decode_report(std::string_view text) {
  return decode<Report>(text, [](json::Fields& in, Report& report) {
    report.node = in.required_string("node", {.bytes_max = kTextMax});
    report.cluster = in.required_string("cluster", {.bytes_max = kTextMax});
    report.at_ms = in.required_int("at_ms", 0);
    report.runs = in.required_bool("runs");
    report.detail = in.required_string("detail", {.bytes_max = 3 * kTextMax});
    in.required_object("shadow", [&](json::Fields& fields) { report.shadow = read_position(fields); });
    in.required_objects("targets", limits::kBackupTargetsMax,
                        [&](json::Fields& fields) { report.targets.push_back(read_target(fields)); });
    in.required_objects("verified", limits::kBackupTargetsMax,
                        [&](json::Fields& fields) { report.verified.push_back(read_verified(fields)); });
    report.now_done = whole(in, "now_done");
    report.now_ms = in.required_int("now_ms", 0);
    report.now_fault = in.required_string("now_fault", {.bytes_max = 3 * kTextMax});
    report.verify_done = whole(in, "verify_done");
  });
}

std::optional<Requests> decode_requests(std::string_view text) {
  return decode<Requests>(text, [](json::Fields& in, Requests& requests) {
    requests.now = whole(in, "now");
    requests.verify = whole(in, "verify");
  });
}

std::string encode(const std::vector<VerifyReport>& verified) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("format", kFormat).begin_array("verified");
  for (const VerifyReport& one : verified) write(out, one);
  out.finish();
  return text;
}

std::string encode(const std::vector<StatePut>& puts) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("format", kFormat).begin_array("puts");
  for (const StatePut& one : puts) {
    out.begin_object().field("target", cut(one.target)).field("revision", one.revision);
    out.field("fault", cut(one.fault)).end();
  }
  out.finish();
  return text;
}

std::optional<std::vector<VerifyReport>> decode_verified(std::string_view text) {
  return decode<std::vector<VerifyReport>>(text, [](json::Fields& in, std::vector<VerifyReport>& verified) {
    in.required_objects("verified", limits::kBackupTargetsMax,
                        [&](json::Fields& fields) { verified.push_back(read_verified(fields)); });
  });
}

std::optional<std::vector<StatePut>> decode_puts(std::string_view text) {
  return decode<std::vector<StatePut>>(text, [](json::Fields& in, std::vector<StatePut>& puts) {
    in.required_objects("puts", limits::kBackupTargetsMax, [&](json::Fields& fields) {
      StatePut put;
      put.target = fields.required_string("target", {.bytes_max = kTextMax});
      put.revision = whole(fields, "revision");
      put.fault = fields.required_string("fault", {.bytes_max = 3 * kTextMax});
      puts.push_back(std::move(put));
    });
  });
}

}  // namespace patronus::backup
