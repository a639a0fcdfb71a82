// How old a node's knowledge is, told by its own clock alone. A follower sends a reading of its clock; the
// leader gives it back once a majority has confirmed, in a round begun later, that it still led, along with
// its commit index. Whoever has applied that index knows everything that was committed before the reading: no
// other leader can have committed anything in between.
#pragma once

#include <algorithm>
#include <optional>

#include "core/base/time.h"
#include "core/base/types.h"

namespace patronus {

// The leader's side: readings of one member's clock on their way to being confirmed.
class ClockEcho {
 public:
  // A reading arrived while `latest` was the last round begun: only a later round can confirm it.
  void heard(Instant reading, Round latest) {
    latest_ = Reading{reading, latest};
    if (!waiting_) waiting_ = latest_;
  }
  // A majority has answered this round. True if the member must be told at once, since it had no reading for
  // so long that it is about to be unable to vouch for anything.
  bool confirmed(Round round, Duration long_ago) {
    const Instant before = reading_;
    confirm(round);
    return reading_ > before && is_behind(before, reading_, long_ago);
  }
  // True if a reading that arrives now should not have to wait for the next heartbeats.
  bool is_urgent(Instant reading, Duration long_ago) const {
    return !waiting_ && is_behind(reading_, reading, long_ago);
  }
  // The newest confirmed reading; 0 before the first.
  Instant reading() const { return reading_; }

 private:
  static bool is_behind(Instant known, Instant reading, Duration long_ago) {
    return known == Instant{} || reading - known > long_ago;
  }
  void confirm(Round round) {
    if (!waiting_ || round <= waiting_->after) return;
    reading_ = waiting_->at;
    waiting_.reset();
    // The newest one has waited behind it, and may be confirmed by the same round.
    if (latest_ && latest_->at > reading_) waiting_ = latest_;
    if (waiting_ && round > waiting_->after) {
      reading_ = waiting_->at;
      waiting_.reset();
    }
  }
  struct Reading {
    Instant at;
    Round after;
  };
  std::optional<Reading> waiting_;
  std::optional<Reading> latest_;
  Instant reading_;
};

// The follower's side.
class Freshness {
 public:
  explicit Freshness(Instant boot) : boot_(boot), as_of_(boot - Duration{1}) {}

  // Readings from before this process, or from the future, are nobody's honest echo.
  void told(Instant reading, Index commit, Index applied, Instant now) {
    if (reading < boot_ || reading > now) return;
    if (commit <= applied) {
      as_of_ = std::max(as_of_, reading);
    } else if (!waiting_) {
      waiting_ = Waiting{reading, commit};
    }
  }
  void applied(Index index) {
    if (!waiting_ || index < waiting_->commit) return;
    as_of_ = std::max(as_of_, waiting_->reading);
    waiting_.reset();
  }
  // Nothing that was committed before this instant is unknown here; before boot: never told.
  Instant as_of() const { return as_of_; }
  bool ever() const { return as_of_ >= boot_; }

 private:
  struct Waiting {
    Instant reading;
    Index commit;
  };
  Instant boot_;
  Instant as_of_;
  std::optional<Waiting> waiting_;
};

}  // namespace patronus
