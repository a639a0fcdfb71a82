#include "sim/restorer.h"

#include <algorithm>
#include <utility>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kRestorerPatience = 6s;  // longer than a node takes to say 503
constexpr uint32_t kLooksMax = 40;

}  // namespace

Restorer::Restorer(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
                   std::function<bool(uint64_t)> restored)
    : profile_(profile),
      events_(events),
      tape_(tape.track("restorer")),
      any_node_(tape_, profile.nodes),
      trace_(trace),
      restored_(std::move(restored)),
      exchange_(kRestorerHost, events, network) {}

void Restorer::start() {
  if (profile_.restores) rest();
}

void Restorer::rest() {
  const Duration longest = looks_ > 0 ? Duration{50ms} : std::max<Duration>(profile_.think_max, 200ms) * 4;
  events_.after(tape_.pause(1ms, longest), [this] {
    if (finishing_ && looks_ == 0) return;
    act();
  });
}

void Restorer::act() {
  if (token_.empty()) return log_in();
  if (looks_ > 0) return look();
  // An older one too, so that much has changed since.
  if (snapshot_.empty() || tape_.chance(300)) return save();
  restore();
}

void Restorer::ask(HostId node, const std::string& request, std::function<void(const HttpAnswer&)> then) {
  exchange_.ask(node, request, kRestorerPatience,
                [this, then = std::move(then)](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status == 401)
                    throw Violation("sessions", "whoever restores is refused: " + answer->body);
                  if (answer) then(*answer);
                  rest();
                });
}

void Restorer::log_in() {
  exchange_.ask(any_node_(), login_request(), kRestorerPatience,
                [this](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status == 200)
                    token_ = text_between(answer->body, "\"access_token\":\"", "\"");
                  events_.after(300ms, [this] { rest(); });
                });
}

void Restorer::save() {
  const HostId node = any_node_();
  ask(node, json_post("/api/v1/snapshots", authorization(), ""), [this, node](const HttpAnswer& answer) {
    if (answer.status != 201) return;
    node_ = node;
    snapshot_ = text_between(answer.body, "\"id\":\"", "\"");
  });
}

void Restorer::restore() {
  const std::string body = R"({"id":")" + snapshot_ + R"(","keep_sessions":true})";
  ask(node_, json_post("/api/v1/snapshots/restore", authorization(), body), [this](const HttpAnswer& answer) {
    if (answer.status == 422)
      throw Violation("restore", "a snapshot that a node has made is refused: " + answer.body);
    if (answer.status != 202) return;
    ++begun_;
    looks_ = 1;
    if (trace_.keeps()) trace_.line(events_.now(), "restorer", "restores " + snapshot_);
  });
}

void Restorer::look() {
  if (++looks_ > kLooksMax) looks_ = 0;  // the node is gone, or takes long
  ask(node_, "GET /api/v1/snapshots/restore HTTP/1.1\r\nHost: sim\r\n" + authorization() + "\r\n",
      [this](const HttpAnswer& answer) { judge(answer); });
}

void Restorer::judge(const HttpAnswer& answer) {
  if (answer.status != 200) return;
  const std::string state = text_between(answer.body, "\"state\":\"", "\"");
  if (state == "failed" || state == "none") looks_ = 0;
  if (state != "done") return;
  looks_ = 0;
  ++done_;
  const uint64_t revision = number_after(answer.body, "\"revision\":");
  if (!restored_(revision))
    throw Violation("restore",
                    "nothing was restored at revision " + std::to_string(revision) + ": " + answer.body);
}

}  // namespace patronus::sim
