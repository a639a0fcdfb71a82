// What a leader knows of one other member, and how far it may send ahead of its answers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/freshness.h"
#include "core/raft/log_room.h"

namespace patronus {

// Probing: the place where the logs meet is not known, or something may be lost; one append at a time.
// Replicating: appends are sent ahead of their answers, within a window.
// Snapshot: the logs meet below the leader's base, so that entries alone can't help; nothing is sent but, now
// and then, the question whether that is still so.
enum class ProgressState : uint8_t { kProbe, kReplicate, kSnapshot };

class Progress {
 public:
  Progress(Index next, Instant now) : next_(next), last_contact_(now), waiting_since_(now) {}

  Index match() const { return match_; }
  Index next() const { return next_; }
  ProgressState state() const { return state_; }
  Index commit_sent() const { return commit_sent_; }
  Index applied() const { return applied_; }
  Round acked_round() const { return acked_round_; }
  Instant last_contact() const { return last_contact_; }
  bool heard() const { return heard_; }
  // Since when the member was heard without a gap; means something once it was heard.
  Instant steady_since() const { return steady_since_; }

  // True if one more append with entries may be sent.
  bool window_open() const {
    if (state_ == ProgressState::kSnapshot) return false;
    if (state_ == ProgressState::kProbe) return !probe_sent_;
    return in_flight_.size() < limits::kInflightMessagesMax && in_flight_bytes_ < limits::kInflightBytesMax;
  }
  bool waits() const { return state_ == ProgressState::kReplicate ? !in_flight_.empty() : probe_sent_; }
  // True if what is waited for is overdue and must be taken for lost.
  bool overdue(Instant now, Duration after) const { return waits() && now - waiting_since_ >= after; }

  void sent(Instant now, Index last, size_t bytes, Index commit) {
    if (!waits()) waiting_since_ = now;
    if (state_ == ProgressState::kSnapshot) return;
    commit_sent_ = std::max(commit_sent_, commit);
    if (state_ == ProgressState::kProbe) {
      probe_sent_ = true;
      probe_last_ = last;
      return;
    }
    if (last < next_) return;  // no entries: nothing is in flight
    in_flight_.push_back({last, bytes});
    in_flight_bytes_ += bytes;
    next_ = last.next();
  }

  // The member has everything up to `match` on disk. False if that is no news. A probe whose entries are
  // answered without news goes on: the member has no room for them, and is offered them again when they are
  // overdue, or the two would talk as fast as the network carries it.
  bool acknowledged(Instant now, Index match) {
    if (distrusted_) return false;
    const bool news = match > match_;
    match_ = std::max(match_, match);
    next_ = std::max(next_, match_.next());
    while (!in_flight_.empty() && in_flight_.front().last <= match_) {
      in_flight_bytes_ -= in_flight_.front().bytes;
      in_flight_.pop_front();
      waiting_since_ = now;
    }
    if (state_ == ProgressState::kSnapshot && match_.next() < next_) return news;
    const bool took_none = state_ == ProgressState::kProbe && !news && probe_sent_ && match < probe_last_;
    if (took_none && !MUTANT(kOfferAtOnce)) return false;
    if (state_ != ProgressState::kReplicate) {
      state_ = ProgressState::kReplicate;
      probe_sent_ = false;
      next_ = match_.next();
    }
    return news;
  }

  // The logs do not meet at the place tried; they may at `try_next` - 1. A late refusal changes nothing.
  // Below the base of the leader's log there is no place to try.
  void refused(Index tried_prev, Index try_next, Index base) {
    const bool late = tried_prev <= match_ || state_ == ProgressState::kSnapshot ||
                      (state_ == ProgressState::kProbe && tried_prev != next_.prev());
    if (late) return;
    become_probe(std::max({match_.next(), try_next, base.next()}));
    if (base && tried_prev <= base) state_ = ProgressState::kSnapshot;
  }
  // The leader's log was cut: what it still has begins after the base.
  void keep_above(Index base) {
    if (next_ > base) return;
    const ProgressState before = state_;
    become_probe(base.next());
    if (before == ProgressState::kSnapshot) state_ = before;
  }

  // What was sent may be lost: begin again after what is known to be there.
  void restart() { become_probe(match_.next()); }
  // A new link: the member may be another process, with another clock.
  void relink() {
    restart();
    clock_ = ClockEcho{};
    draining_ = false;
    room_ = LogRoom::kUnknown;
  }

  // A silence of more than `gap_max` begins the count of steady contact anew.
  void contact(Instant now, Duration gap_max = Duration::max()) {
    if (!heard_ || now - last_contact_ > gap_max) steady_since_ = now;
    last_contact_ = now;
    heard_ = true;
  }
  void acknowledged_round(Round round) { acked_round_ = std::max(acked_round_, round); }
  // What the member has acknowledged must still be on its disk when it answers a round that began later; if
  // not, its disk went back in time. A sample is taken with a round; its answer is compared.
  void sample(Round round) {
    if (sampled_in_ || !match_) return;
    sampled_in_ = round;
    sampled_ = match_;
  }
  // False if it lacks what it had.
  [[nodiscard]] bool compare(Round round, Index durable) {
    if (!sampled_in_ || round < *sampled_in_) return true;
    sampled_in_.reset();
    return durable >= sampled_;
  }
  // It counts for nothing any more.
  void distrust() {
    *this = Progress(next_, last_contact_);
    distrusted_ = true;
  }
  void set_applied(Index applied) { applied_ = std::max(applied_, applied); }

  // Readings of the member's monotonic clock, to be echoed once they are confirmed.
  ClockEcho& clock() { return clock_; }
  const ClockEcho& clock() const { return clock_; }
  // How far the member's wall clock was ahead of this node's when it was last heard.
  std::optional<int64_t> wall_offset_ms() const { return wall_offset_ms_; }
  void set_wall_offset_ms(int64_t ms) { wall_offset_ms_ = ms; }
  // The member is about to leave.
  bool draining() const { return draining_; }
  void set_draining(bool draining) { draining_ = draining; }
  // What it last said of itself: how much it is wished to lead, and what a write to its log takes (0: not
  // known).
  uint8_t priority() const { return priority_; }
  Duration write_pace() const { return write_pace_; }
  LogRoom room() const { return room_; }
  void set_room(LogRoom room) { room_ = room; }
  void set_wishes(uint8_t priority, Duration write_pace) {
    priority_ = priority;
    write_pace_ = write_pace;
  }

 private:
  struct InFlight {
    Index last;
    size_t bytes;
  };

  void become_probe(Index next) {
    state_ = ProgressState::kProbe;
    next_ = next;
    probe_sent_ = false;
    in_flight_.clear();
    in_flight_bytes_ = 0;
    commit_sent_ = Index{};
  }

  ProgressState state_ = ProgressState::kProbe;
  Index match_;
  Index next_;
  bool probe_sent_ = false;
  Index probe_last_;  // of the entries that it carried
  std::deque<InFlight> in_flight_;
  size_t in_flight_bytes_ = 0;
  Index commit_sent_;
  Index applied_;
  Round acked_round_;
  Instant last_contact_;
  Instant waiting_since_;
  Instant steady_since_;
  bool heard_ = false;
  ClockEcho clock_;
  std::optional<int64_t> wall_offset_ms_;
  std::optional<Round> sampled_in_;
  Index sampled_;
  bool distrusted_ = false;
  bool draining_ = false;
  uint8_t priority_ = 0;
  Duration write_pace_{};
  LogRoom room_ = LogRoom::kUnknown;
};

}  // namespace patronus
