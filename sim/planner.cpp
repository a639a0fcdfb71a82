#include "sim/planner.h"

#include <algorithm>
#include <utility>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kPlannerPatience = 6s;  // longer than a node takes to say 503
constexpr uint32_t kNames = 4;             // few, so that they meet

}  // namespace

Planner::Planner(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
                 std::function<const Tables&()> tables)
    : profile_(profile),
      events_(events),
      tape_(tape.track("planner")),
      any_node_(tape_, profile.nodes + profile.extras),
      trace_(trace),
      exchange_(kPlannerHost, events, network),
      tables_(std::move(tables)) {}

void Planner::start() {
  if (profile_.tables) rest();
}

void Planner::violate(const std::string& what) const { throw Violation("tables", what); }

void Planner::rest() {
  // In the end whoever waits tries again without thinking about it.
  const Duration longest = finishing_ ? 300ms : std::max<Duration>(profile_.think_max, 50ms) * 2;
  events_.after(tape_.pause(1ms, longest), [this] {
    if (finishing_ && !pending_) return;
    act();
  });
}

void Planner::act() {
  if (token_.empty()) return log_in();
  if (pending_) return send();
  if (restored_) look_again();
  if (tape_.chance(300)) return read_one();
  begin_write();
}

void Planner::log_in() {
  exchange_.ask(any_node_(), login_request(), kPlannerPatience,
                [this](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status == 200)
                    token_ = text_between(answer->body, "\"access_token\":\"", "\"");
                  events_.after(300ms, [this] { rest(); });
                });
}

// Nothing of its own is under way, so the tables are what was committed.
void Planner::look_again() {
  restored_ = false;
  sites_.clear();
  policies_.clear();
  for (const auto& [id, site] : tables_().sites()) {
    sites_[id] = {site.fields.name, site.fields.endpoints.front().address, {}, site.mod_revision.value};
  }
  for (const auto& [id, policy] : tables_().policies()) {
    policies_[id] = {policy.fields.name, policy.fields.source_site, policy.fields.destination_site,
                     policy.mod_revision.value};
  }
}

std::string Planner::some_id(const Entities& entities) {
  if (entities.empty()) return {};
  auto at = entities.begin();
  std::advance(at, tape_.choose(static_cast<uint32_t>(entities.size())));
  return at->first;
}

Planner::Pending Planner::site_write() {
  Pending write;
  write.entity.name = "site " + std::to_string(tape_.choose(kNames));
  write.entity.detail = "192.0.2.1:" + std::to_string(1 + tape_.choose(3));
  const std::string id = some_id(sites_);
  const uint32_t kind = id.empty() ? 0 : tape_.choose(4);
  write.method = kind == 3 ? "DELETE" : kind == 2 ? "PUT" : "POST";
  if (write.method != "POST") write.id = id;
  return write;
}

Planner::Pending Planner::policy_write() {
  Pending write;
  write.is_site = false;
  write.entity.name = "policy " + std::to_string(tape_.choose(kNames));
  write.entity.detail = some_id(sites_);
  write.entity.other = some_id(sites_);
  const std::string id = some_id(policies_);
  write.method = id.empty() || tape_.chance(600) ? "POST" : "DELETE";
  if (write.method == "DELETE") write.id = id;
  return write;
}

// As the tables are known to be, why this can't be done.
std::string Planner::refusal_of(const Pending& write) const {
  const Entities& entities = write.is_site ? sites_ : policies_;
  if (write.method == "DELETE") {
    if (!write.is_site) return {};
    const bool is_named = std::any_of(policies_.begin(), policies_.end(), [&](const auto& policy) {
      return policy.second.detail == write.id || policy.second.other == write.id;
    });
    return is_named ? "site_in_use" : "";
  }
  const bool is_name_taken = std::any_of(entities.begin(), entities.end(), [&](const auto& one) {
    return one.second.name == write.entity.name && one.first != write.id;
  });
  if (!write.is_site && write.entity.detail == write.entity.other) return "invalid_fields";
  return is_name_taken ? "name_taken" : "";
}

void Planner::begin_write() {
  Pending write = sites_.size() > 1 && tape_.chance(400) ? policy_write() : site_write();
  write.key = "plan-" + std::to_string(++keys_);
  write.expected_code = refusal_of(write);
  pending_ = std::move(write);
  send();
}

std::string Planner::body_of(const Pending& write) const {
  if (write.method == "DELETE") return {};
  if (write.is_site) {
    return R"({"name":")" + write.entity.name + R"(","endpoints":[{"address":")" + write.entity.detail +
           R"(","interface_type":"lte"}]})";
  }
  return R"({"name":")" + write.entity.name + R"(","source_site":")" + write.entity.detail +
         R"(","destination_site":")" + write.entity.other + R"("})";
}

void Planner::send() {
  const Pending& write = *pending_;
  const std::string path = std::string(write.is_site ? "/api/v1/sites" : "/api/v1/policies") +
                           (write.id.empty() ? "" : "/" + write.id);
  const std::string body = body_of(write);
  std::string request = write.method + " " + path + " HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer " +
                        token_ + "\r\nIdempotency-Key: " + write.key + "\r\n";
  if (!body.empty()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  exchange_.ask(any_node_(), request + "\r\n" + body, kPlannerPatience,
                [this](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status == 401) violate("whoever plans is refused: " + answer->body);
                  if (answer) judge(*answer);
                  rest();
                });
}

void Planner::judge(const HttpAnswer& answer) {
  const std::string code = text_between(answer.body, "\"code\":\"", "\"");
  // Where a node stays of an old version there are no tables, and nobody can say for how long.
  if (finishing_ && code == "tables_not_open") pending_.reset();
  // Not known yet, or not done: it is tried again, as it is.
  if (answer.status >= 500 || answer.status == 429) return;
  if (restored_) {
    pending_.reset();
    return;
  }
  if (code != pending_->expected_code) {
    violate(pending_->method + " under " + pending_->key + " must be " +
            (pending_->expected_code.empty() ? std::string("done") : pending_->expected_code) +
            ", but is answered " + std::to_string(answer.status) + " " + answer.body);
  }
  if (code.empty()) {
    take(answer);
  } else {
    ++refused_;
  }
  pending_.reset();
}

void Planner::take(const HttpAnswer& answer) {
  Entities& entities = pending_->is_site ? sites_ : policies_;
  ++written_;
  if (pending_->method == "DELETE") {
    if (answer.status != 204) violate("a deletion is answered " + std::to_string(answer.status));
    entities.erase(pending_->id);
    return;
  }
  if (answer.status != (pending_->method == "POST" ? 201 : 200))
    violate(pending_->method + " is answered " + std::to_string(answer.status) + " " + answer.body);
  const std::string id = text_between(answer.body, "\"id\":\"", "\"");
  if (id.empty() || (pending_->method == "POST") == entities.contains(id))
    violate("a wrong id: " + answer.body);
  pending_->entity.mod_revision = number_after(answer.body, "\"mod_revision\":");
  entities[id] = pending_->entity;
  if (trace_.keeps())
    trace_.line(events_.now(), "planner", pending_->method + " of " + pending_->entity.name);
}

// One that must be there, as it was written last.
void Planner::read_one() {
  const bool is_site = policies_.empty() || tape_.chance(600);
  const std::string id = some_id(is_site ? sites_ : policies_);
  if (id.empty()) return rest();
  const Entity expected = (is_site ? sites_ : policies_).at(id);
  exchange_.ask(any_node_(),
                std::string("GET ") + (is_site ? "/api/v1/sites/" : "/api/v1/policies/") + id +
                    " HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer " + token_ + "\r\n\r\n",
                kPlannerPatience, [this, expected](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status < 500 && !restored_) {
                    ++read_;
                    const bool is_it =
                        answer->status == 200 &&
                        text_between(answer->body, "\"name\":\"", "\"") == expected.name &&
                        number_after(answer->body, "\"mod_revision\":") == expected.mod_revision &&
                        answer->body.find(expected.detail) != std::string::npos;
                    if (!is_it) violate(expected.name + " is not as it was written: " + answer->body);
                  }
                  rest();
                });
}

}  // namespace patronus::sim
