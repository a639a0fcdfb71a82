#include "io/sdwan/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"

namespace patronus::sdwan {
namespace {

probe::Nonce nonce_of(std::string_view bytes) {
  probe::Nonce nonce{};
  std::copy_n(bytes.begin(), nonce.size(), nonce.begin());
  return nonce;
}

std::vector<Sample> since_of(const Target* target, WallTime from) {
  std::vector<Sample> found;
  if (target == nullptr) return found;
  std::copy_if(target->samples.begin(), target->samples.end(), std::back_inserter(found),
               [&](const Sample& sample) { return sample.at >= from; });
  return found;
}

std::optional<Sample> latest_of(const Target* target) {
  if (target == nullptr || target->samples.empty()) return std::nullopt;
  return target->samples.back();
}

}  // namespace

Engine::Engine(EngineOptions options, auth::Crypto& crypto, World& world)
    : options_(options),
      crypto_(crypto),
      world_(world),
      names_(limits::kEndpointsMax, options.v4, options.v6,
             [this](size_t slot, const Address& name) { world_.look_up(slot, name); }),
      targets_(crypto) {}

void Engine::start() {
  const Instant now = world_.now().mono;
  next_probe_ = now;
  next_second_ = now;
  last_heard_ = now;
  wanted_ = now;
  wake();
}

void Engine::wake() {
  const Now now = world_.now();
  // The process was stopped, or the loop held up: answers that came meanwhile have not been read yet, and
  // what is measured of them would be the pause.
  if (now.mono - wanted_ > limits::kProbeStall) {
    under_way_.give_up();
    last_heard_ = now.mono;
    judged_from_ = now.mono;
  }
  under_way_.expire(now.mono, [&](SentProbe& probe) { missed(*probe.target, probe.sent, now); });
  look_for_cut_off(now.mono);
  if (now.mono >= next_second_) {
    next_second_ = now.mono + std::chrono::seconds(1);
    each_second(now);
  }
  send_due(now);
  wanted_ = next_turn(world_.now().mono);
  world_.wake_at(wanted_);
}

void Engine::looked_up(size_t slot, const NameAnswer& answer) {
  names_.answered(slot, answer, world_.now().mono);
}

Duration Engine::interval() const {
  const auto targets = static_cast<int64_t>(targets_.size());
  const Duration shortest = targets * (Duration(std::chrono::seconds(1)) / limits::kProbesPerSecond);
  return std::max(options_.interval, shortest);
}

void Engine::send_due(Now now) {
  if (options_.interval == Duration{0} || targets_.size() == 0) {
    next_probe_ = now.mono;
    return;
  }
  // What could not be sent in time is not made up for by a flood.
  if (now.mono - next_probe_ > interval()) next_probe_ = now.mono;
  const Duration spacing = interval() / static_cast<int64_t>(targets_.size());
  for (size_t i = 0; i < limits::kProbesPerTurn && next_probe_ <= now.mono; ++i) {
    probe_next(world_.now());
    next_probe_ = next_probe_ + spacing;
  }
}

void Engine::probe_next(Now now) {
  cursor_ = cursor_ >= targets_.size() ? 0 : cursor_;
  const std::shared_ptr<Target> target = targets_.at(cursor_++);
  const Names::Found where = names_.find(target->place.second, now.mono);
  if (!where.address) {
    if (where.failed) missed(*target, now.mono, now);
    return;
  }
  SentProbe probe;
  probe.target = target;
  probe.key = target->key;
  probe.far_key = target->far_key;
  const std::string datagram = datagram_of(*target, probe);
  // Read again, after the work: what is measured begins here.
  probe.sent = world_.now().mono;
  switch (world_.send(*where.address, datagram)) {
    case Sent::kLeft:
      ++figures_.sent;
      under_way_.add(std::move(probe));
      break;
    case Sent::kNotNow:
      ++figures_.unsent;
      break;
    case Sent::kNever:
      missed(*target, now.mono, now);
      break;
  }
}

std::string Engine::datagram_of(const Target& target, SentProbe& sent) {
  const std::string chance = crypto_.random(2 * probe::kNonceBytes);
  sent.nonce = nonce_of(chance);
  probe::Head head;
  head.site = target.place.first;
  head.nonce = sent.nonce;
  head.sequence = under_way_.next();
  if (!target.is_path) return probe::make_probe(head, target.key->bytes, hmac_);
  sent.inner_nonce = nonce_of(std::string_view(chance).substr(probe::kNonceBytes));
  probe::Head inner = head;
  inner.site = target.path.destination_site;
  inner.nonce = sent.inner_nonce;
  return probe::make_path_probe(
      head, {target.path.destination_endpoint, probe::make_probe(inner, target.far_key->bytes, hmac_)},
      target.key->bytes, hmac_);
}

Instant Engine::next_turn(Instant now) {
  const bool probes = options_.interval > Duration{0} && targets_.size() > 0;
  const Instant work = std::min(probes ? next_probe_ : Instant::never(), under_way_.deadline());
  // Turns are no closer than this: what falls due in between is done together.
  return std::min(next_second_, std::max(work, now + limits::kProbeTurn));
}

std::optional<Sample> Engine::latest(const EndpointKey& endpoint) const {
  return latest_of(targets_.find(endpoint));
}
std::optional<Sample> Engine::latest(const PathKey& path) const { return latest_of(targets_.find(path)); }
std::vector<Sample> Engine::since(const EndpointKey& endpoint, WallTime from) const {
  return since_of(targets_.find(endpoint), from);
}
std::vector<Sample> Engine::since(const PathKey& path, WallTime from) const {
  return since_of(targets_.find(path), from);
}

}  // namespace patronus::sdwan
