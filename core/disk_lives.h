// Disks that went back in time: restored from an old copy, or cut short in a way that looks like a clean end.
// Such a node has forgotten votes and entries that others count on, under an incarnation that they know. It
// is told by its *lives*. A data directory counts them: one begins when a process does, and now and then
// while it runs, but only when another member has the one before on its disk; processes that begin before
// that are all of one life, and are told apart. Life and processes are durable before they are told. Whoever
// comes with a lower life than is known, or with the same one but not after the process that is known, goes
// on from an older state of the disk: an old copy has neither, and it can't get any further by itself,
// however often it is booted. What is known is from hellos and from what leaders tell of all members, and is
// kept on disk for the members (Raft::keep_lives). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/event.h"
#include "core/raft/entry.h"

namespace patronus {

class DiskLives {
 public:
  // What was known before this process began.
  explicit DiskLives(const std::vector<DiskLife>& kept);

  // A node said who it is: over a link that this one has dialled, or at the door. True if it is to be dialled
  // anew: what it says is older than what is known, which may be because the stream has outlived its process.
  // If the next link says so as well, its disk went back. An earlier version says nothing of it.
  [[nodiscard]] bool note(const PeerIdentity& peer, bool dialled);
  // Somebody else tells how far it has come, or it does itself. True if it is to be dialled anew: whom this
  // node knows is another process.
  [[nodiscard]] bool hear(const DiskLife& told);
  // What a leader found out by comparing logs.
  void distrust(Incarnation incarnation) { lives_[incarnation].state = State::kWentBack; }
  bool went_back(Incarnation incarnation) const { return is(incarnation, State::kWentBack); }
  // That is not known yet: it is not listened to until it is.
  bool is_suspected(Incarnation incarnation) const {
    return is(incarnation, State::kSuspected) || is(incarnation, State::kOutlived);
  }
  // True if it is time to tell it (again).
  bool tell(Incarnation incarnation, Instant now);

  // The last life of it that is known.
  std::optional<DiskLife> known(Incarnation incarnation) const;
  // Counts what was learnt, so that it need not be looked for.
  uint64_t version() const { return version_; }

 private:
  // kOutlived: a later process is known to have begun than the one that was met.
  enum class State : uint8_t { kGood, kOutlived, kSuspected, kWentBack };
  struct Life {
    uint64_t life = 0;
    uint64_t process = 0;
    State state = State::kGood;
    Instant next_told;
    // What was known when it was to be dialled anew: the answer can't be older than that, though meanwhile
    // more may have come to be known.
    uint64_t asked_life = 0;
    uint64_t asked_process = 0;

    bool ask_anew(State why) {
      state = why;
      asked_life = life;
      asked_process = process;
      return true;
    }
  };
  bool is(Incarnation incarnation, State state) const {
    const auto at = lives_.find(incarnation);
    return at != lives_.end() && at->second.state == state;
  }
  void add(const DiskLife& first);

  std::map<Incarnation, Life> lives_;
  uint64_t version_ = 0;
};

}  // namespace patronus
