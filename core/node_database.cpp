// The dashboard's database: this node's copy of some rows of the state, its health, and who leads while it is
// broken.
#include <algorithm>

#include "core/base/limits.h"
#include "core/node.h"

namespace patronus {

void Node::handle(Now now, Projected& event, Effects& out) {
  const bool was_filled = projector_.is_filled();
  projector_.taken(event.opening, now.mono);
  if (was_filled || !projector_.is_filled()) return;
  database_lags_ = false;
  out.emplace_back(Notice{NoticeKind::kDatabase, "the database holds the dashboard's tables as of entry " +
                                                     std::to_string(projector_.projected().value)});
  trust_database(now);
}

void Node::trust_database(Now now) {
  if (database_to_prove_ > 0) {
    health_.report("database", false, "was damaged and made again, and is looked at before it is trusted",
                   now);
    return;
  }
  database_is_broken_ = false;
  left_for_database_ = false;
  health_.report("database", true, "", now);
}

void Node::handle(Now now, DatabaseReport& event, Effects&) {
  switch (event.state) {
    case DatabaseState::kOpened:
      projector_.opened(event.opening, store_);
      // One that lags still does until it is filled.
      if (!database_lags_) health_.report("database", false, "is being filled", now);
      break;
    case DatabaseState::kSound:
      if (!projector_.is_filled()) break;
      if (database_to_prove_ > 0) --database_to_prove_;
      trust_database(now);
      break;
    case DatabaseState::kDamaged:
    case DatabaseState::kLags:
      projector_.lost(store_);
      database_lags_ = event.state == DatabaseState::kLags;
      if (!database_lags_) {
        database_is_broken_ = true;
        database_to_prove_ = limits::kSoundReportsAfterDamage;
        next_review_ = now.mono;
      }
      health_.report("database", false, event.reason, now);
      break;
  }
}

void Node::keep_database(Now now, Effects& out) {
  std::optional<Index> known;
  if (raft_.had_leader_contact()) known = std::max(raft_.leader_commit(), raft_.commit());
  projector_.step(now.mono, store_, known, out);
}

// Once for each failure: if the others' databases are broken too, leadership must not go round in circles.
void Node::leave_lead_to_a_sound_database(Now now, Effects& out) {
  if (!database_is_broken_ || left_for_database_) return;
  left_for_database_ = raft_.transfer(now, NodeId{}, LeaderCause::kTransfer, out);
}

}  // namespace patronus
