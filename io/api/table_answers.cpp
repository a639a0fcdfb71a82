#include "io/api/table_answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/limits.h"
#include "core/state/path_choice.h"
#include "io/api/state_answers.h"
#include "io/api/table_requests.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

std::string_view status_text(PathStatus status) {
  static constexpr std::array<std::string_view, 4> kNames{"", "up", "degraded", "down"};
  return kNames[static_cast<size_t>(status)];
}

std::string_view preference_text(PathPreference preference) {
  static constexpr std::array<std::string_view, 5> kNames{"", "score", "latency", "loss", "cost"};
  return kNames[static_cast<size_t>(preference)];
}

void put_time(json::Writer& out, std::string_view name, int64_t wall_ms) {
  if (wall_ms == 0) {
    out.key(name).null();
  } else {
    out.field(name, rfc3339(wall_ms));
  }
}

template <typename Entity>
void put_numbers(json::Writer& out, const Entity& entity) {
  out.field("created_at", rfc3339(entity.created_wall_ms))
      .field("create_revision", entity.create_revision.value)
      .field("mod_revision", entity.mod_revision.value)
      .field("version", entity.version);
}

struct SiteHealth {
  size_t reachable = 0;
  int64_t seen_wall_ms = 0;
  std::string_view status = "inactive";
};

// Active: all endpoints answer; degraded: some do; inactive: none, or nobody has looked yet.
SiteHealth health_of(const Tables& tables, const Site& site) {
  SiteHealth health;
  for (const SiteEndpoint& endpoint : site.fields.endpoints) {
    const EndpointState* state = tables.endpoint(site.id, endpoint.address);
    if (state == nullptr) continue;
    if (state->reachable) ++health.reachable;
    health.seen_wall_ms = std::max(health.seen_wall_ms, state->seen_wall_ms);
  }
  if (health.reachable > 0)
    health.status = health.reachable == site.fields.endpoints.size() ? "active" : "degraded";
  return health;
}

void put_site(json::Writer& out, const Tables& tables, const Site& site) {
  const SiteHealth health = health_of(tables, site);
  out.begin_object().field("id", site.id).field("name", site.fields.name).field("status", health.status);
  out.begin_array("endpoints");
  for (const SiteEndpoint& endpoint : site.fields.endpoints) {
    const EndpointState* state = tables.endpoint(site.id, endpoint.address);
    out.begin_object().field("address", endpoint.address).field("interface_type", endpoint.interface_type);
    out.field("cost_per_gb", static_cast<double>(endpoint.cost_per_gb_micros) / 1e6).key("reachable");
    if (state == nullptr) {
      out.null();
    } else {
      out.value(state->reachable);
    }
    out.end();
  }
  out.end();
  put_time(out, "last_seen", health.seen_wall_ms);
  out.field("key_generation", site.fields.key_generation);
  put_numbers(out, site);
  out.end();
}

void put_path(json::Writer& out, const PathKey& key, const std::optional<PathState>& state) {
  out.begin_object().field("id", path_id(key)).field("source_site", key.source_site);
  out.field("destination_site", key.destination_site).field("source_endpoint", key.source_endpoint);
  out.field("destination_endpoint", key.destination_endpoint);
  if (state) {
    const PathVerdict& verdict = state->verdict;
    out.field("status", status_text(verdict.status));
    out.field("latency_ms", verdict.latency_us / 1e3).field("jitter_ms", verdict.jitter_us / 1e3);
    out.field("packet_loss_pct", verdict.loss_ppm / 1e4).field("score", static_cast<unsigned>(verdict.score));
    put_time(out, "since", state->since_wall_ms);
  } else {
    for (const char* name : {"status", "latency_ms", "jitter_ms", "packet_loss_pct", "score", "since"})
      out.key(name).null();
  }
  out.end();
}

void put_threshold(json::Writer& out, const char* name, const std::optional<uint32_t>& value, double factor) {
  if (value) {
    out.field(name, *value / factor);
  } else {
    out.key(name).null();
  }
}

void put_policy(json::Writer& out, const Tables& tables, const Policy& policy) {
  const PolicyFields& fields = policy.fields;
  out.begin_object().field("id", policy.id).field("name", fields.name).field("enabled", fields.enabled);
  out.field("source_site", fields.source_site).field("destination_site", fields.destination_site);
  out.field("prefer", preference_text(fields.prefer));
  put_threshold(out, "max_latency_ms", fields.max_latency_us, 1e3);
  put_threshold(out, "max_jitter_ms", fields.max_jitter_us, 1e3);
  put_threshold(out, "max_packet_loss_pct", fields.max_loss_ppm, 1e4);
  const std::vector<const PathState*> choice = choice_of_paths(tables, policy);
  out.key("selected_path");
  if (choice.empty()) {
    out.null();
  } else {
    out.value(path_id(choice.front()->verdict.key));
  }
  put_numbers(out, policy);
  out.end();
}

void put_record(json::Writer& out, const AuditRecord& record) {
  out.begin_object()
      .field("revision", record.index.value)
      .field("at", rfc3339(record.wall_ms))
      .key("user_id");
  if (record.user.empty()) {
    out.null();
  } else {
    out.value(record.user);
  }
  out.field("action", record.action).field("object", record.object).field("detail", record.detail).end();
}

// A list in a map's order: those after the cursor that are wanted, and whether there are more.
class Page {
 public:
  Page(const PageWanted& wanted, const ReadResult& result) : left_(wanted.limit), revision_(result.revision) {
    out_.begin_object().begin_array("items");
  }
  // False: the page is full, and there is at least this one more.
  template <typename Put>
  [[nodiscard]] bool add(std::string id, const Put& put) {
    if (left_ == 0) {
      more_ = true;
      return false;
    }
    --left_;
    put(out_);
    last_ = std::move(id);
    return true;
  }
  http::Response finish() && {
    out_.end().key("cursor");
    if (more_) {
      out_.value(last_);
    } else {
      out_.null();
    }
    out_.field("revision", revision_.value).finish();
    return private_json(200, std::move(body_));
  }

 private:
  std::string body_;
  json::Writer out_{body_};
  size_t left_;
  Index revision_;
  std::string last_;
  bool more_ = false;
};

http::Response sites_response(const http::Request& request, const Tables& tables, const ReadResult& result) {
  const PageWanted wanted = page_wanted(request);
  Page page(wanted, result);
  if (const std::string* name = request.param("name")) {
    const Site* site = tables.site_by_name(*name);
    if (site != nullptr) (void)page.add(site->id, [&](json::Writer& out) { put_site(out, tables, *site); });
    return std::move(page).finish();
  }
  for (auto at = tables.sites().upper_bound(wanted.after); at != tables.sites().end(); ++at) {
    if (!page.add(at->first, [&](json::Writer& out) { put_site(out, tables, at->second); })) break;
  }
  return std::move(page).finish();
}

http::Response policies_response(const http::Request& request, const Tables& tables,
                                 const ReadResult& result) {
  const PageWanted wanted = page_wanted(request);
  Page page(wanted, result);
  for (auto at = tables.policies().upper_bound(wanted.after); at != tables.policies().end(); ++at) {
    if (!page.add(at->first, [&](json::Writer& out) { put_policy(out, tables, at->second); })) break;
  }
  return std::move(page).finish();
}

bool matches(const std::string* wanted, std::string_view is) { return wanted == nullptr || *wanted == is; }

// There are few enough to look at all; a path's id says nothing of its place, so the cursor's is looked for.
http::Response paths_response(const http::Request& request, const Tables& tables, const ReadResult& result) {
  const PageWanted wanted = page_wanted(request);
  Page page(wanted, result);
  bool is_past_cursor = wanted.after.empty();
  for (const auto& [key, state] : tables.paths()) {
    std::string id = path_id(key);
    if (!is_past_cursor) {
      is_past_cursor = id == wanted.after;
      continue;
    }
    const bool fits = matches(request.param("source_site"), key.source_site) &&
                      matches(request.param("destination_site"), key.destination_site) &&
                      matches(request.param("status"), state ? status_text(state->verdict.status) : "");
    if (!fits) continue;
    if (!page.add(std::move(id), [&](json::Writer& out) { put_path(out, key, state); })) break;
  }
  return std::move(page).finish();
}

// The latest first.
http::Response audit_response(const http::Request& request, const Tables& tables, const ReadResult& result) {
  const PageWanted wanted = page_wanted(request);
  Page page(wanted, result);
  uint64_t below = UINT64_MAX;
  if (!wanted.after.empty())
    std::from_chars(wanted.after.data(), wanted.after.data() + wanted.after.size(), below);
  for (auto at = tables.audit().rbegin(); at != tables.audit().rend(); ++at) {
    if (at->index.value >= below) continue;
    if (!matches(request.param("user"), at->user) || !matches(request.param("action"), at->action)) continue;
    if (!page.add(std::to_string(at->index.value), [&](json::Writer& out) { put_record(out, *at); })) break;
  }
  return std::move(page).finish();
}

http::Response summary_response(const Tables& tables, const ReadResult& result) {
  std::array<size_t, 3> sites{};  // active, degraded, inactive
  size_t reachable = 0;
  for (const auto& [id, site] : tables.sites()) {
    const SiteHealth health = health_of(tables, site);
    reachable += health.reachable;
    ++sites[health.status == "active" ? 0 : health.status == "degraded" ? 1 : 2];
  }
  std::array<size_t, 4> paths{};  // unknown, up, degraded, down
  uint64_t latency_us = 0;
  uint64_t loss_ppm = 0;
  uint64_t score = 0;
  for (const auto& [key, state] : tables.paths()) {
    ++paths[state ? static_cast<size_t>(state->verdict.status) : 0];
    if (!state || state->verdict.status == PathStatus::kDown) continue;
    latency_us += state->verdict.latency_us;
    loss_ppm += state->verdict.loss_ppm;
    score += state->verdict.score;
  }
  const size_t alive = paths[1] + paths[2];
  std::string body;
  json::Writer out(body);
  out.begin_object().begin_object("sites").field("total", tables.sites().size());
  out.field("active", sites[0]).field("degraded", sites[1]).field("inactive", sites[2]).end();
  out.begin_object("endpoints").field("total", tables.endpoint_count()).field("reachable", reachable).end();
  out.begin_object("paths")
      .field("total", tables.paths().size())
      .field("up", paths[1])
      .field("degraded", paths[2]);
  out.field("down", paths[3]).field("unknown", paths[0]);
  const auto mean = [&](const char* name, double sum) {
    if (alive == 0) {
      out.key(name).null();
    } else {
      out.field(name, sum / static_cast<double>(alive));
    }
  };
  mean("mean_latency_ms", static_cast<double>(latency_us) / 1e3);
  mean("mean_packet_loss_pct", static_cast<double>(loss_ppm) / 1e4);
  mean("mean_score", static_cast<double>(score));
  out.end().field("policies", tables.policies().size()).field("revision", result.revision.value).finish();
  return private_json(200, std::move(body));
}

template <typename Entity, typename Put>
http::Response entity_response(int status, const Entity& entity, const Put& put) {
  std::string body;
  json::Writer out(body);
  put(out);
  http::Response response = private_json(status, std::move(body));
  response.headers.push_back({"ETag", etag(entity.mod_revision)});
  return response;
}

http::Response site_response(int status, const Tables& tables, const Site& site) {
  return entity_response(status, site, [&](json::Writer& out) { put_site(out, tables, site); });
}

http::Response policy_response(int status, const Tables& tables, const Policy& policy) {
  return entity_response(status, policy, [&](json::Writer& out) { put_policy(out, tables, policy); });
}

http::Response not_found(std::string_view what, const Origin& origin) {
  return problem_response({404, "not_found", "there is no such " + std::string(what), false, false, {}},
                          origin);
}

http::Response single_response(Route route, const http::Request& request, const Tables& tables,
                               const Origin& origin) {
  const std::string& id = request.segments[3];
  if (route == Route::kSite) {
    const Site* site = tables.site(id);
    return site == nullptr ? not_found("site", origin) : site_response(200, tables, *site);
  }
  if (route == Route::kPolicy) {
    const Policy* policy = tables.policy(id);
    return policy == nullptr ? not_found("policy", origin) : policy_response(200, tables, *policy);
  }
  for (const auto& [key, state] : tables.paths()) {
    if (path_id(key) != id) continue;
    std::string body;
    json::Writer out(body);
    put_path(out, key, state);
    return private_json(200, std::move(body));
  }
  return not_found("path", origin);
}

Problem table_problem(const Asked& asked, const WriteResult& result) {
  const bool is_site = asked.route == Route::kSites || asked.route == Route::kSite;
  const std::string what = is_site ? "site" : "policy";
  switch (result.outcome) {
    case Outcome::kNotFound:
      return {404, "not_found", "there is no such " + what, false, false, {}};
    case Outcome::kPreconditionFailed:
      return {412,
              "precondition_failed",
              "the " + what + "'s mod_revision is " + std::to_string(result.record.mod_revision.value),
              false,
              false,
              {}};
    case Outcome::kNameTaken:
      return conflict("name_taken", "another " + what + " has this name");
    case Outcome::kInUse:
      return conflict("site_in_use", "a policy names this site; delete or change that policy first");
    case Outcome::kNoSuchSite:
      return {422,   "no_such_site", "source_site and destination_site must be ids of sites that there are",
              false, false,          {}};
    case Outcome::kLimitReached:
      return {507,
              "limit_reached",
              "there are at most " + std::to_string(limits::kSitesMax) + " sites with " +
                  std::to_string(limits::kEndpointsMax) + " endpoints, " +
                  std::to_string(limits::kPoliciesMax) + " policies and " +
                  std::to_string(limits::kPathsMax) + " paths between endpoints of their sites",
              false,
              false,
              {}};
    case Outcome::kRefused:
      return {503,
              "tables_not_open",
              "the cluster has no tables yet: they come once every node is of a version "
              "that knows them, and a leader was elected since",
              true,
              false,
              {}};
    case Outcome::kTooOld:
      return {503,
              "tables_not_open",
              "a node of the cluster is of a version that does not know tables; upgrade it",
              true,
              false,
              {}};
    default:
      return write_problem(result);
  }
}

}  // namespace

http::Response table_response(Route route, const http::Request& request, const Tables& tables,
                              const ReadResult& result, const Origin& origin) {
  http::Response response;
  switch (route) {
    case Route::kSites:
      response = sites_response(request, tables, result);
      break;
    case Route::kPolicies:
      response = policies_response(request, tables, result);
      break;
    case Route::kPaths:
      response = paths_response(request, tables, result);
      break;
    case Route::kAudit:
      response = audit_response(request, tables, result);
      break;
    case Route::kSummary:
      response = summary_response(tables, result);
      break;
    default:
      response = single_response(route, request, tables, origin);
  }
  note_staleness(result, response);
  return response;
}

http::Response table_write_response(const Asked& asked, const WriteResult& result, const Tables& tables,
                                    const Origin& origin) {
  if (result.outcome != Outcome::kOk) return problem_response(table_problem(asked, result), origin);
  if (asked.method == http::Method::kDelete) {
    http::Response response;
    response.status = 204;
    return response;
  }
  const int status = result.created ? 201 : 200;
  const bool is_site = asked.route == Route::kSites || asked.route == Route::kSite;
  const Site* site = is_site ? tables.site(result.id) : nullptr;
  const Policy* policy = is_site ? nullptr : tables.policy(result.id);
  http::Response response;
  if (site != nullptr) {
    response = site_response(status, tables, *site);
  } else if (policy != nullptr) {
    response = policy_response(status, tables, *policy);
  } else {
    // It was deleted since; a write that is repeated under its key is still told what it did.
    std::string body;
    json::Writer out(body);
    out.begin_object()
        .field("id", result.id)
        .field("mod_revision", result.record.mod_revision.value)
        .finish();
    response = private_json(status, std::move(body));
  }
  if (status == 201) {
    response.headers.push_back(
        {"Location", std::string(is_site ? "/api/v1/sites/" : "/api/v1/policies/") + result.id});
  }
  return response;
}

}  // namespace patronus::api
