#include "sim/operator.h"

#include <utility>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kOperatorPatience = 5s;  // longer than a node takes to say 503

}  // namespace

Operator::Operator(const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
                   std::function<std::string(uint64_t)> led)
    : profile_(profile),
      events_(events),
      tape_(tape.track("operator")),
      any_node_(tape_, profile.nodes + profile.extras),
      trace_(trace),
      led_(std::move(led)),
      exchange_(kOperatorHost, events, network) {}

void Operator::log_in_or(std::function<void()> act) {
  if (!exchange_.idle()) return;
  if (!token_.empty()) return act();
  exchange_.ask(any_node_(), login_request(), kOperatorPatience,
                [this](const std::optional<HttpAnswer>& answer) {
                  if (answer && answer->status == 200)
                    token_ = text_between(answer->body, "\"access_token\":\"", "\"");
                });
}

void Operator::force_election() {
  log_in_or([this] {
    std::string target;
    if (tape_.chance(500)) target = "n" + std::to_string(any_node_() + 1);
    const std::string body = target.empty() ? "" : R"({"target":")" + target + R"("})";
    exchange_.ask(any_node_(),
                  json_post("/api/v1/admin/force-election", "Authorization: Bearer " + token_ + "\r\n", body),
                  kOperatorPatience, [this, target](const std::optional<HttpAnswer>& answer) {
                    if (answer) judge(target, *answer);
                  });
  });
}

void Operator::judge(const std::string& target, const HttpAnswer& answer) {
  const bool unknown = answer.status == 404 && !target.empty();  // it was taken out
  if (answer.status == 409 || answer.status == 503 || unknown) {
    ++refused_;
    return;
  }
  if (answer.status != 200)
    throw Violation("operator",
                    "a forced election is answered " + std::to_string(answer.status) + " " + answer.body);
  const std::string old_leader = text_between(answer.body, "\"old_leader\":\"", "\"");
  const std::string new_leader = text_between(answer.body, "\"new_leader\":\"", "\"");
  const uint64_t term = number_after(answer.body, "\"term\":");
  if (led_(term) != new_leader)
    throw Violation("operator", "term " + std::to_string(term) + " was not led by " + new_leader);
  if (target.empty() ? new_leader == old_leader : new_leader != target)
    throw Violation("operator",
                    "asked for " + (target.empty() ? "another leader" : target) + ", got " + answer.body);
  ++moved_;
  if (trace_.keeps()) trace_.line(events_.now(), "operator", "has " + new_leader + " lead");
}

void Operator::drain(HostId node, bool on) {
  log_in_or([this, node, on] {
    const std::string path = on ? "/api/v1/admin/drain" : "/api/v1/admin/undrain";
    exchange_.ask(node, json_post(path, "Authorization: Bearer " + token_ + "\r\n", ""), kOperatorPatience,
                  [on](const std::optional<HttpAnswer>& answer) {
                    if (!answer || answer->status == 503 || answer->status == 409) return;
                    const std::string word = on ? "\"draining\":true" : "\"draining\":false";
                    if (answer->status != 200 || answer->body.find(word) == std::string::npos)
                      throw Violation("operator", "draining is answered " + std::to_string(answer->status) +
                                                      " " + answer->body);
                  });
  });
}

}  // namespace patronus::sim
