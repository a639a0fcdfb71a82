#include "io/sdwan/responder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/auth/secret.h"

namespace patronus::sdwan {

using probe::Kind;
using probe::PathOutcome;

namespace {

// Begun within kForwardTimeout, those that were answered among them.
constexpr size_t kForwardsPerTimeout = 4 * limits::kForwardsMax;

}  // namespace

Responder::Responder(ResponderOptions options, ResponderWorld& world)
    : options_(std::move(options)),
      world_(world),
      names_(limits::kResponderNamesMax, options_.v4, options_.v6,
             [this](size_t slot, const Address& name) { world_.look_up(slot, name); }) {}

Responder::~Responder() { auth::wipe(options_.key); }

void Responder::received(const UdpAddress& from, std::string_view datagram) {
  const std::optional<probe::Head> head = probe::read_head(datagram);
  if (!head) {
    ++counts_.malformed;
    return;
  }
  if (head->kind == Kind::kAnswer) return on_answer(*head, datagram);
  if (head->kind == Kind::kPathAnswer || head->site != options_.site ||
      !probe::is_authentic(datagram, options_.key, hmac_)) {
    ++counts_.forged;
    return;
  }
  if (is_replayed(head->nonce)) {
    ++counts_.replayed;
    return;
  }
  if (head->kind == Kind::kPathProbe) return on_path_probe(from, *head, datagram);
  ++counts_.probes;
  send(from, probe::make_answer(*head, options_.key, hmac_));
}

bool Responder::is_replayed(const probe::Nonce& nonce) {
  if (!seen_.insert(nonce).second) return true;
  seen_order_.push_back(nonce);
  if (seen_order_.size() > limits::kResponderNoncesKept) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  return false;
}

void Responder::on_path_probe(const UdpAddress& from, const probe::Head& head, std::string_view datagram) {
  std::optional<probe::PathProbe> path = probe::read_path_probe(datagram);
  if (!path) {
    ++counts_.malformed;
    return;
  }
  if (forwards_.size() >= limits::kForwardsMax || order_.size() >= kForwardsPerTimeout) {
    ++counts_.refused;
    return answer_path(from, head, {PathOutcome::kNoRoom, 0, {}});
  }
  const std::optional<probe::Head> inner = probe::read_head(path->probe);
  const Instant now = world_.now();
  const auto [at, is_new] = forwards_.try_emplace(
      inner->nonce, Forward{from, head, std::move(path->address), std::move(path->probe), now, now});
  if (!is_new) {
    ++counts_.replayed;
    return;
  }
  order_.emplace_back(now + limits::kForwardTimeout, inner->nonce);
  send_on(at);
}

void Responder::send_on(Forwards::iterator at) {
  Forward& forward = at->second;
  const Names::Found where = names_.find(forward.address, world_.now());
  if (!where.address && !where.failed) return;
  Sent sent = Sent::kNever;
  if (where.address) {
    const std::string probe = std::exchange(forward.probe, {});
    forward.sent = world_.now();
    sent = world_.send(*where.address, probe);
  }
  switch (sent) {
    case Sent::kLeft:
      ++counts_.forwards;
      return;
    case Sent::kNotNow:
      ++counts_.refused;
      return conclude(at, {PathOutcome::kNoRoom, 0, {}});
    case Sent::kNever:
      ++counts_.refused;
      return conclude(at, {PathOutcome::kNoAddress, 0, {}});
  }
}

void Responder::looked_up(size_t slot, const NameAnswer& answer) {
  names_.answered(slot, answer, world_.now());
  std::vector<probe::Nonce> unsent;
  for (const auto& [nonce, forward] : forwards_) {
    if (!forward.probe.empty()) unsent.push_back(nonce);
  }
  for (const probe::Nonce& nonce : unsent) send_on(forwards_.find(nonce));
}

// Only the node can tell whether the other site made it; what is known here is that somebody who had the
// probe did.
void Responder::on_answer(const probe::Head& head, std::string_view datagram) {
  const auto at = forwards_.find(head.nonce);
  if (at == forwards_.end() || !at->second.probe.empty()) {
    ++counts_.stray;
    return;
  }
  ++counts_.answered;
  const int64_t took_us = (world_.now() - at->second.sent).count() / 1'000;
  conclude(at, {PathOutcome::kAnswered, static_cast<uint32_t>(std::clamp<int64_t>(took_us, 1, UINT32_MAX)),
                std::string(datagram)});
}

void Responder::wake() {
  const Instant now = world_.now();
  while (!order_.empty() && order_.front().first <= now) {
    const auto at = forwards_.find(order_.front().second);
    order_.pop_front();
    // It was answered; or answered, and begun again.
    if (at == forwards_.end() || now - at->second.began < limits::kForwardTimeout) continue;
    ++counts_.timed_out;
    conclude(at, {PathOutcome::kTimedOut, 0, {}});
  }
}

void Responder::conclude(Forwards::iterator at, const probe::PathAnswer& answer) {
  const Forward forward = std::move(at->second);
  forwards_.erase(at);
  answer_path(forward.back, forward.head, answer);
}

void Responder::answer_path(const UdpAddress& to, const probe::Head& head, const probe::PathAnswer& answer) {
  send(to, probe::make_path_answer(head, answer, options_.key, hmac_));
}

void Responder::send(const UdpAddress& to, std::string_view datagram) {
  if (world_.send(to, datagram) != Sent::kLeft) ++counts_.unsent;
}

}  // namespace patronus::sdwan
