// The lives of this data directory, and what is kept of others' (core/disk_lives.h says what they are for).
#include <algorithm>

#include "core/base/limits.h"
#include "core/raft/raft.h"

namespace patronus {

// Counts the boot. A process that begins goes on with a life that nobody has confirmed: by itself a data
// directory gets no further, however often it is booted, so that an old copy can't outrun what is known of
// it.
void Raft::start(Now, Effects& out) {
  ++hard_.boot;
  Lives& own = hard_.lives;
  if (own.confirmed) {
    ++own.life;
    own.confirmed = false;
    own.processes = {process_};
  } else if (own.life > 0 && own.processes.size() < limits::kLifeProcessesMax) {
    own.processes.push_back(process_);
  }
  persist_hard(out);
  told_ = own;
}

void Raft::begin_life(Effects& out) {
  Lives& own = hard_.lives;
  if (own.life > 0 && !own.confirmed) return;
  ++own.life;
  own.confirmed = false;
  own.processes = {process_};
  life_write_ = persist_aside(out);
}

void Raft::confirm_life(const DiskLife& known, Effects& out) {
  Lives& own = hard_.lives;
  if (known.incarnation != incarnation_ || known.life != own.life || own.life == 0 || own.confirmed) return;
  const bool was_here =
      std::find(own.processes.begin(), own.processes.end(), known.process) != own.processes.end();
  if (!was_here) return;
  own.confirmed = true;
  (void)persist_aside(out);
}

void Raft::keep_lives(std::vector<DiskLife> others, Effects& out) {
  if (others == hard_.lives.others) return;
  hard_.lives.others = std::move(others);
  persist_hard(out);
}

DiskLife Raft::own_life() const {
  return {incarnation_, told_.life, told_.life > 0 ? told_.processes.back() : 0};
}

DiskLife Raft::kept_life(Incarnation of) const {
  for (const DiskLife& one : hard_.lives.others) {
    if (one.incarnation == of) return one;
  }
  return {};
}

}  // namespace patronus
