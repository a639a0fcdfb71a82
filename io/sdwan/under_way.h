// Probes that were sent, by their sequence: which of them wait for an answer, and for a while which do no
// longer, so that an answer that comes late or again is known for what it is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "io/protocol/probe.h"
#include "io/sdwan/target.h"

namespace patronus::sdwan {

enum class ProbeState : uint8_t {
  kWaiting,
  kAnswered,
  kOver,  // too late for an answer to count
};

struct SentProbe {
  std::shared_ptr<Target> target;
  std::shared_ptr<const SiteKey> key;      // that it was made with
  std::shared_ptr<const SiteKey> far_key;  // and that its inner probe was
  probe::Nonce nonce{};
  probe::Nonce inner_nonce{};
  Instant sent;
  ProbeState state = ProbeState::kWaiting;
};

class ProbesUnderWay {
 public:
  // The sequence of the probe that is added next.
  uint64_t next() const { return first_ + probes_.size(); }
  void add(SentProbe&& probe) {
    (probe.target->is_path ? waiting_paths_ : waiting_endpoints_).push_back(next());
    probes_.push_back(std::move(probe));
  }
  // Null: never sent, or forgotten.
  SentProbe* find(uint64_t sequence) {
    return sequence < first_ || sequence >= next() ? nullptr : &probes_[sequence - first_];
  }

  // Calls over(probe) for each whose time is over, the longest sent first.
  template <typename Over>
  void expire(Instant now, Over over) {
    expire(waiting_endpoints_, limits::kProbeTimeout, now, over);
    expire(waiting_paths_, limits::kPathProbeTimeout, now, over);
    while (!probes_.empty() && (probes_.front().sent + limits::kProbeRemembered <= now ||
                                probes_.size() > limits::kProbesRemembered)) {
      probes_.pop_front();
      ++first_;
    }
  }
  // What waits is no longer waited for, and nothing follows from that.
  void give_up() {
    for (SentProbe& probe : probes_)
      if (probe.state == ProbeState::kWaiting) probe.state = ProbeState::kOver;
    waiting_endpoints_.clear();
    waiting_paths_.clear();
  }
  // When expire() has something to do.
  Instant deadline() {
    return std::min(due(waiting_endpoints_, limits::kProbeTimeout),
                    due(waiting_paths_, limits::kPathProbeTimeout));
  }
  size_t size() const { return probes_.size(); }

 private:
  using Sequences = std::deque<uint64_t>;

  // Those that were answered meanwhile, or are forgotten, wait no longer.
  SentProbe* front(Sequences& waiting) {
    while (!waiting.empty()) {
      SentProbe* probe = find(waiting.front());
      if (probe != nullptr && probe->state == ProbeState::kWaiting) return probe;
      waiting.pop_front();
    }
    return nullptr;
  }
  Instant due(Sequences& waiting, Duration patience) {
    const SentProbe* probe = front(waiting);
    return probe == nullptr ? Instant::never() : probe->sent + patience;
  }
  template <typename Over>
  void expire(Sequences& waiting, Duration patience, Instant now, Over over) {
    for (SentProbe* probe = front(waiting); probe != nullptr && probe->sent + patience <= now;
         probe = front(waiting)) {
      probe->state = ProbeState::kOver;
      over(*probe);
    }
  }

  std::deque<SentProbe> probes_;
  uint64_t first_ = 0;
  Sequences waiting_endpoints_;
  Sequences waiting_paths_;
};

}  // namespace patronus::sdwan
