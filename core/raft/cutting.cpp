// Cutting the log: what of it may go once a durable image holds the state that it made.
#include <algorithm>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/raft.h"

namespace patronus {

// Up to here every member has the log on its disk, as far as the leader knows and has told. What was told
// outlives its leader, so only what was committed then is believed: a member may since have given up the rest
// for other entries at the same places.
Index Raft::acknowledged_by_all() const {
  const Configuration* configuration = log_.configuration();
  if (configuration == nullptr) return Index{};
  const auto* leader = std::get_if<Leader>(&role_);
  Index all = log_.durable();
  for (const Member& member : configuration->members) {
    if (member.id == self_) continue;
    if (leader != nullptr) {
      const auto at = leader->peers.find(member.id);
      all = std::min(all, at == leader->peers.end() ? Index{} : at->second.match());
      continue;
    }
    const auto told = std::find_if(told_members_.begin(), told_members_.end(),
                                   [&](const MemberView& view) { return view.id == member.id; });
    const Index match = told == told_members_.end() ? Index{} : told->match;
    all = std::min(all, std::min(match, told_commit_));
  }
  return all;
}

// The whole rule of what stays. What the image does not hold stays whatever it takes. Of the rest the newest
// entries stay, so that a follower which was away for a moment is brought up to date with a few of them. What
// some member lacks stays as well, until that alone fills so much that it would in the end cost everybody's
// writes: who is further behind is given the whole state, and meanwhile more is kept of what comes after
// that, or it might never catch up.
bool Raft::may_cut(Index first, Index checkpointed, Index acknowledged) const {
  if (first > checkpointed) return false;
  // On a full disk nothing is kept merely because it may be useful.
  const bool is_short_of_room = room() < LogRoom::kUnknown;
  const bool is_of_the_tail =
      !is_short_of_room && log_.size() <= retention_.tail_entries && log_.bytes() <= retention_.tail_bytes;
  if (is_of_the_tail) return false;
  const bool is_held = held_after_ && first > *held_after_;
  return first <= acknowledged || log_.bytes() > (is_held ? limits::kLogHeldBytesMax : retention_.bytes_max);
}

bool Raft::cut_log(Index checkpointed) {
  const Index until = std::min(checkpointed, applied_);
  if (log_.base_index() >= until || MUTANT(kKeepWholeLog)) return false;
  const Index acknowledged = acknowledged_by_all();
  const size_t cut_max = BUGGIFY(kCutOneEntry) ? 1 : limits::kEntriesCutPerStepMax;
  size_t cut = 0;
  while (cut < cut_max && may_cut(log_.base_index().next(), until, acknowledged)) {
    log_.cut_first();
    ++cut;
  }
  return cut > 0;
}

}  // namespace patronus
