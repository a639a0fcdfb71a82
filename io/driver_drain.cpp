// How a node leaves: told to stop, drained by an operator, or taken out by its cluster.
#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "io/driver.h"

namespace patronus {

void Driver::drain(Duration grace) {
  if (draining_ && !draining_->until_removed) return;
  now_ = ports_.now();
  const Instant door_shuts =
      draining_ ? std::min(draining_->door_shuts, now_.mono + grace) : now_.mono + grace;
  draining_ = Draining{door_shuts, door_shuts + limits::kDrainTimeout};
  http_.set_draining(true);
  step(Drain{true});
}

// Unlike drain() it keeps all doors open and answers as ever: balancers see it, and nothing else changes.
bool Driver::drain_for_operator(bool on, const std::string& by) {
  if (draining_ || (!on && node_.is_leaving())) return false;
  now_ = ports_.now();
  ports_.log({NoticeKind::kOperator, by + (on ? " drains this node" : " takes this node in again")});
  step(Drain{on});
  return true;
}

// A node that is to be taken out sends its clients elsewhere first, as one that was told to stop; but it
// stays a member until the cluster has let it go.
void Driver::drain_if_leaving() {
  if (draining_ || !node_.is_leaving()) return;
  draining_ = Draining{now_.mono + leave_grace_, Instant::never(), false, true};
  http_.set_draining(true);
}

void Driver::continue_drain() {
  if (draining_->left || now_.mono < draining_->door_shuts) return;
  http_.shut_door(now_);
  if (draining_->until_removed) return;
  // A checkpoint that is under way is finished too, so that the next start has little to do.
  const bool checkpointed = !checkpoint_since_ || checkpoint_waits_ || log_is_full_;
  const bool idle =
      http_.may_end() && !ports_.has_arrivals(Door::kHttp) && node_.may_leave(now_) && checkpointed;
  if (!idle && now_.mono < draining_->leave_by) return;
  draining_->left = true;
  links_.say_goodbye();
  if (!removed_) {
    ports_.drained();
    return;
  }
  stopped_ = true;
  ports_.stop(*removed_);
}

// Clients whose requests the core has just given up are told so before the streams end; new ones find the
// door shut. A drain that is under way goes on, but not for longer than this takes.
void Driver::leave_as_removed(std::string reason) {
  removed_ = std::move(reason);
  const Instant leave_by = now_.mono + limits::kRemovedPatience;
  if (draining_) {
    draining_->door_shuts = std::min(draining_->door_shuts, now_.mono);
    draining_->leave_by = std::min(draining_->leave_by, leave_by);
    draining_->until_removed = false;
  } else {
    draining_ = Draining{now_.mono, leave_by};
    http_.set_draining(true);
  }
}

}  // namespace patronus
