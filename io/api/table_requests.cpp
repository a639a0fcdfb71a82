#include "io/api/table_requests.h"

#include <cmath>
#include <utility>

#include "core/base/limits.h"
#include "core/state/table_ops.h"
#include "io/api/account_requests.h"
#include "io/api/body.h"
#include "io/api/probe_routes.h"

namespace patronus::api {
namespace {

using Result = std::variant<Understood, Problem>;

constexpr size_t kTableBodyBytesMax = 16 * limits::kKiB;
constexpr double kMicros = 1'000'000;

// What a body holds in place of the log's whole numbers.
std::optional<uint64_t> scaled(std::optional<double> value, double factor, double most) {
  if (!value || !(*value >= 0) || *value * factor > most) return std::nullopt;
  return static_cast<uint64_t>(std::llround(*value * factor));
}

std::optional<uint32_t> threshold(json::Fields& in, const char* name, double factor, double most) {
  if (!in.has(name)) return std::nullopt;
  const std::optional<double> given = in.optional_number(name);
  if (!given) return std::nullopt;
  const std::optional<uint64_t> value = scaled(given, factor, most);
  if (!value) {
    in.error(name, "must be a number of 0 to " + std::to_string(static_cast<uint64_t>(most / factor)));
    return std::nullopt;
  }
  return static_cast<uint32_t>(*value);
}

// Each complaint once, under the name that the body has for it.
template <typename Fields>
void judge(json::Fields& in, const Fields& fields) {
  if (!in.errors().empty()) return;
  if (std::optional<FieldFault> fault = fault_of(fields)) in.error(fault->field, fault->reason);
}

void read_site(json::Fields& in, SiteFields& site) {
  site.name = in.required_string("name", {.bytes_max = limits::kTableNameBytesMax});
  in.required_objects("endpoints", limits::kSiteEndpointsMax, [&](json::Fields& one) {
    SiteEndpoint endpoint;
    endpoint.address = one.required_string("address", {.bytes_max = limits::kEndpointAddressBytesMax});
    endpoint.interface_type =
        one.required_string("interface_type", {.bytes_max = limits::kInterfaceTypeBytesMax});
    const std::optional<double> cost = one.optional_number("cost_per_gb");
    const std::optional<uint64_t> micros =
        scaled(cost.value_or(0), kMicros, static_cast<double>(limits::kCostMicrosMax));
    if (!micros) one.error("cost_per_gb", "must be 0 to 1000000");
    endpoint.cost_per_gb_micros = micros.value_or(0);
    site.endpoints.push_back(std::move(endpoint));
  });
  // Left out it stays as it is.
  site.key_generation =
      static_cast<uint32_t>(in.optional_int("key_generation", 1, 1'000'000'000).value_or(0));
  SiteFields judged = site;
  if (judged.key_generation == 0) judged.key_generation = 1;
  judge(in, judged);
}

void read_policy(json::Fields& in, PolicyFields& policy) {
  static constexpr std::pair<std::string_view, PathPreference> kPreferences[] = {
      {"score", PathPreference::kScore},
      {"latency", PathPreference::kLatency},
      {"loss", PathPreference::kLoss},
      {"cost", PathPreference::kCost}};
  policy.name = in.required_string("name", {.bytes_max = limits::kTableNameBytesMax});
  policy.enabled = in.optional_bool("enabled").value_or(true);
  policy.source_site = in.required_string("source_site", {.bytes_max = limits::kTableIdBytesMax});
  policy.destination_site = in.required_string("destination_site", {.bytes_max = limits::kTableIdBytesMax});
  if (const std::optional<std::string> text = in.optional_string("prefer")) {
    bool is_known = false;
    for (const auto& [name, preference] : kPreferences) {
      if (*text != name) continue;
      policy.prefer = preference;
      is_known = true;
    }
    if (!is_known) in.error("prefer", "must be score, latency, loss or cost");
  }
  policy.max_latency_us = threshold(in, "max_latency_ms", 1'000, limits::kThresholdUsMax);
  policy.max_jitter_us = threshold(in, "max_jitter_ms", 1'000, limits::kThresholdUsMax);
  policy.max_loss_ppm = threshold(in, "max_packet_loss_pct", 10'000, 1'000'000);
  judge(in, policy);
}

Result understood(TableOp&& op, Route route, std::string id, const http::Request& request,
                  const Caller& caller) {
  Problem problem;
  ClientWrite write;
  if (!idempotency(request, caller.user, write.idempotency, problem)) return problem;
  write.op = std::move(op);
  write.authority = Authority{caller.session, caller.user, UserRole::kOperator};
  Asked asked{route, request.method, false, false, std::move(id), {}, {}};
  return Understood{std::move(write), std::move(asked)};
}

template <typename Put, typename Fields, typename Read>
Result understand_put(Route route, const http::Request& request, const Caller& caller, std::string id,
                      bool create, Read read) {
  Problem problem;
  Expected expected;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  if (!write_conditions(request, expected, problem)) return problem;
  std::variant<Fields, Problem> body = read_body<Fields>(request, kTableBodyBytesMax, read);
  if (auto* wrong = std::get_if<Problem>(&body)) return std::move(*wrong);
  Put put{id, create, std::move(std::get<Fields>(body)), create ? std::nullopt : expected};
  if constexpr (std::is_same_v<Fields, SiteFields>) {
    if (create && put.fields.key_generation == 0) put.fields.key_generation = 1;
  }
  return understood(std::move(put), route, std::move(id), request, caller);
}

template <typename Delete>
Result understand_delete(Route route, const http::Request& request, const Caller& caller, std::string id) {
  Problem problem;
  Expected expected;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  if (const auto unexpected = no_body(request)) return *unexpected;
  if (!write_conditions(request, expected, problem)) return problem;
  return understood(Delete{id, expected}, route, id, request, caller);
}

// Lists and summaries are read as this node knows them, single things as they are.
Result understand_read(Route route, const http::Request& request) {
  Problem problem;
  const bool is_single =
      route == Route::kSite || route == Route::kProbeKey || route == Route::kPolicy || route == Route::kPath;
  bool knows = false;
  switch (route) {
    case Route::kSites:
      knows = only_parameters(request, {"consistency", "min_revision", "limit", "cursor", "name"}, problem);
      break;
    case Route::kPolicies:
      knows = only_parameters(request, {"consistency", "min_revision", "limit", "cursor"}, problem);
      break;
    case Route::kPaths:
      knows = only_parameters(
          request,
          {"consistency", "min_revision", "limit", "cursor", "source_site", "destination_site", "status"},
          problem);
      break;
    case Route::kAudit:
      knows = only_parameters(request, {"consistency", "min_revision", "limit", "cursor", "user", "action"},
                              problem);
      break;
    case Route::kPathMetrics:
      knows = only_parameters(request, {"consistency", "min_revision", "minutes"}, problem);
      break;
    default:
      knows = only_parameters(request, {"consistency", "min_revision"}, problem);
  }
  if (route == Route::kPathMetrics && knows) {
    if (std::optional<Problem> fault = sample_minutes_fault(request)) return *fault;
  }
  if (!knows || !is_page(request, problem)) return problem;
  if (const std::string* status = request.param("status");
      status != nullptr && *status != "up" && *status != "degraded" && *status != "down") {
    return Problem{400,   "bad_parameter", "status is up, degraded or down, not '" + *status + "'",
                   false, false,           {}};
  }
  ClientRead read;
  read.query = ReachedQuery{};
  read.consistency = is_single ? Consistency::kLinearizable : Consistency::kStale;
  if (!read_conditions(request, read, problem)) return problem;
  Asked asked{route, request.method, false, false, {}, {}, {}};
  return Understood{std::move(read), std::move(asked)};
}

}  // namespace

PageWanted page_wanted(const http::Request& request) {
  PageWanted page;
  page.limit = page_limit(request).value_or(limits::kListItemsDefault);
  if (const std::string* cursor = request.param("cursor")) page.after = *cursor;
  return page;
}

std::variant<Understood, Problem> understand_table(Route route, const http::Request& request,
                                                   const Caller& caller, std::string fresh_id) {
  if (is_read(request.method)) return understand_read(route, request);
  const bool is_removal = request.method == http::Method::kDelete;
  switch (route) {
    case Route::kSites:
      return understand_put<PutSiteOp, SiteFields>(route, request, caller, std::move(fresh_id), true,
                                                   read_site);
    case Route::kSite:
      return is_removal ? understand_delete<DeleteSiteOp>(route, request, caller, request.segments[3])
                        : understand_put<PutSiteOp, SiteFields>(route, request, caller, request.segments[3],
                                                                false, read_site);
    case Route::kPolicies:
      return understand_put<PutPolicyOp, PolicyFields>(route, request, caller, std::move(fresh_id), true,
                                                       read_policy);
    default:
      return is_removal ? understand_delete<DeletePolicyOp>(route, request, caller, request.segments[3])
                        : understand_put<PutPolicyOp, PolicyFields>(route, request, caller,
                                                                    request.segments[3], false, read_policy);
  }
}

}  // namespace patronus::api
