// What comes of probes: answers, and what is none; misses; and whether this node hears anybody at all.
#include <algorithm>

#include "core/base/limits.h"
#include "io/sdwan/engine.h"

namespace patronus::sdwan {
namespace {

// A path probe that nothing comes of may have been lost before it reached the first site. That is counted as
// a loss of the path only if it happens again and again.
constexpr size_t kUnheardIsLost = 3;

constexpr Duration kSampleSpacing = std::chrono::seconds(1);

}  // namespace

void Engine::received(std::string_view datagram) {
  const Now now = world_.now();
  const std::optional<probe::Head> head = probe::read_head(datagram);
  if (!head) {
    ++figures_.malformed;
    return;
  }
  SentProbe* probe = under_way_.find(head->sequence);
  const bool is_of_it =
      probe != nullptr && probe->nonce == head->nonce && probe->target->place.first == head->site &&
      head->kind == (probe->target->is_path ? probe::Kind::kPathAnswer : probe::Kind::kAnswer);
  if (!is_of_it) return on_stray(*head, datagram);
  if (!probe::is_authentic(datagram, probe->key->bytes, hmac_)) {
    ++figures_.forged;
    return;
  }
  switch (probe->state) {
    case ProbeState::kAnswered:
      ++figures_.replayed;
      probe->target->window.duplicate();
      return;
    case ProbeState::kOver:
      ++figures_.late;
      probe->target->window.late();
      return;
    case ProbeState::kWaiting:
      probe->state = ProbeState::kAnswered;
      ++figures_.answers;
      heard(now);
      return on_answer(*probe, datagram, now);
  }
}

void Engine::on_stray(const probe::Head& head, std::string_view datagram) {
  const bool is_answer = head.kind == probe::Kind::kAnswer || head.kind == probe::Kind::kPathAnswer;
  const SiteKey* key = targets_.key_of(head.site);
  // A probe of ours that comes back was made with the right key, but nobody has answered it.
  if (is_answer && key != nullptr && probe::is_authentic(datagram, key->bytes, hmac_)) {
    ++figures_.replayed;
  } else {
    ++figures_.forged;
  }
}

void Engine::on_answer(SentProbe& probe, std::string_view datagram, Now now) {
  if (probe.target->is_path) return on_path_answer(probe, datagram, now);
  Target& target = *probe.target;
  target.window.answered(static_cast<uint64_t>((now.mono - probe.sent).count() / 1'000));
  target.seen_wall_ms = now.wall.unix_ms;
  judge(target, true, probe.sent);
  keep_sample(target, now);
}

void Engine::on_path_answer(SentProbe& probe, std::string_view datagram, Now now) {
  Target& target = *probe.target;
  const std::optional<probe::PathAnswer> answer = probe::read_path_answer(datagram);
  if (!answer) {
    ++figures_.malformed;
    return;
  }
  target.unheard = 0;
  if (answer->outcome == probe::PathOutcome::kNoRoom) return;
  bool is_answered = answer->outcome == probe::PathOutcome::kAnswered;
  if (is_answered) {
    const std::optional<probe::Head> inner = probe::read_head(answer->answer);
    is_answered = inner && inner->kind == probe::Kind::kAnswer && inner->nonce == probe.inner_nonce &&
                  inner->site == target.path.destination_site &&
                  probe::is_authentic(answer->answer, probe.far_key->bytes, hmac_);
    // The first site says that the second has answered, but it has not.
    if (!is_answered) ++figures_.forged;
  }
  if (is_answered) {
    target.window.answered(answer->rtt_us);
  } else {
    ++figures_.lost;
    target.window.lost();
  }
  judge(target, is_answered, probe.sent);
  keep_sample(target, now);
}

void Engine::missed(Target& target, Instant sent, Now now) {
  ++figures_.lost;
  if (!target.is_path || ++target.unheard >= kUnheardIsLost) target.window.lost();
  judge(target, false, sent);
  keep_sample(target, now);
}

void Engine::judge(Target& target, bool answered, Instant sent) {
  if (is_cut_off_ || sent < judged_from_) return;
  const Tables& tables = world_.tables();
  if (target.is_path) {
    const auto held = tables.paths().find(target.path);
    const bool is_held = held != tables.paths().end() && held->second;
    target.path_judged.follow(is_held ? std::optional(held->second->verdict.status) : std::nullopt);
    target.path_judged.note(answered, target.figures(), target.bounds);
  } else {
    const EndpointState* held = tables.endpoint(target.place.first, target.place.second);
    target.judged.follow(held != nullptr ? std::optional(held->reachable) : std::nullopt);
    target.judged.note(answered);
  }
}

void Engine::keep_sample(Target& target, Now now) {
  target.sample(now, std::max(interval(), kSampleSpacing), targets_.samples_kept());
}

void Engine::heard(Now now) {
  last_heard_ = now.mono;
  if (!is_cut_off_) return;
  // What was sent while nobody was heard says nothing of them.
  is_cut_off_ = false;
  judged_from_ = now.mono;
}

// It shows before anybody could be judged unreachable: that takes kProbesMissedToFall intervals.
void Engine::look_for_cut_off(Instant now) {
  if (options_.interval == Duration{0} || targets_.endpoints() < limits::kProbeEndpointsForCutOff) {
    last_heard_ = now;
    is_cut_off_ = false;
    return;
  }
  if (is_cut_off_ || now - last_heard_ <= limits::kProbeTimeout + 2 * interval()) return;
  is_cut_off_ = true;
  for (size_t i = 0; i < targets_.size(); ++i) {
    targets_.at(i)->judged.forget();
    targets_.at(i)->path_judged.forget();
  }
}

}  // namespace patronus::sdwan
