#include "core/disk_lives.h"

#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

bool DiskLives::note(const PeerIdentity& peer, bool dialled) {
  const auto known = lives_.find(peer.incarnation);
  if (known == lives_.end()) {
    // Which one is forgotten goes by incarnations, which are random: any is as good as another.
    if (lives_.size() >= limits::kDiskLivesMax) lives_.erase(lives_.begin());
    lives_[peer.incarnation] = {peer.boot, peer.process, State::kGood, {}};
    return false;
  }
  Life& life = known->second;
  if (life.state == State::kWentBack || MUTANT(kTrustOldDisk)) return false;
  const bool is_newer = peer.boot > life.boot;
  const bool is_same = peer.boot == life.boot && peer.process == life.process;
  if (is_newer || is_same) {
    life.boot = peer.boot;
    life.process = peer.process;
    if (is_newer || dialled) life.state = State::kGood;
    return false;
  }
  if (life.state == State::kSuspected) {
    if (dialled) life.state = State::kWentBack;
    return false;
  }
  life.state = State::kSuspected;
  return true;
}

bool DiskLives::tell(Incarnation incarnation, Instant now) {
  Life& life = lives_[incarnation];
  if (now < life.next_told) return false;
  life.next_told = now + limits::kDiskWentBackInterval;
  return true;
}

}  // namespace patronus
