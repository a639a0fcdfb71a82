#include "core/disk_lives.h"

#include <algorithm>

#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

// Whether a disk that says this has been through that life and process.
bool comes_after(const PeerIdentity& peer, uint64_t life, uint64_t process) {
  if (peer.life != life) return peer.life > life;
  return std::find(peer.processes.begin(), peer.processes.end(), process) != peer.processes.end();
}

}  // namespace

DiskLives::DiskLives(const std::vector<DiskLife>& kept) {
  if (MUTANT(kForgetLives)) return;
  for (const DiskLife& one : kept) add(one);
}

void DiskLives::add(const DiskLife& first) {
  // Which one is forgotten goes by incarnations, which are random: any is as good as another.
  if (lives_.size() >= limits::kDiskLivesMax) lives_.erase(lives_.begin());
  ++version_;
  lives_[first.incarnation] = {first.life, first.process, State::kGood, {}, 0, 0};
}

bool DiskLives::note(const PeerIdentity& peer, bool dialled) {
  // An earlier version says nothing of it, and a later one of a disk that does not count yet.
  const bool counts = peer.life > 0 && !peer.processes.empty();
  if (!counts && peer.protocol < protocol::kDiskLives) return false;
  const uint64_t process = counts ? peer.processes.back() : 0;
  const auto known = lives_.find(peer.incarnation);
  if (known == lives_.end()) {
    if (!counts) return false;
    add({peer.incarnation, peer.life, process});
    return false;
  }
  Life& life = known->second;
  if (life.state == State::kWentBack || MUTANT(kTrustOldDisk)) return false;
  const bool is_same = peer.life == life.life && process == life.process;
  const bool is_newer = !is_same && comes_after(peer, life.life, life.process);
  if (is_newer || is_same) {
    if (is_newer) ++version_;
    life.life = peer.life;
    life.process = process;
    if (is_newer || dialled) life.state = State::kGood;
    return false;
  }
  if (life.state != State::kSuspected) return life.ask_anew(State::kSuspected);
  if (!dialled) return false;
  if (comes_after(peer, life.asked_life, life.asked_process)) return life.ask_anew(State::kSuspected);
  life.state = State::kWentBack;
  return false;
}

bool DiskLives::hear(const DiskLife& told) {
  if (told.life == 0) return false;
  const auto known = lives_.find(told.incarnation);
  if (known == lives_.end()) {
    add(told);
    return false;
  }
  Life& life = known->second;
  // Of two processes of one life nobody else can say which came first.
  if (told.life <= life.life) return false;
  const bool is_another = told.process != life.process;
  ++version_;
  life.life = told.life;
  life.process = told.process;
  if (!is_another || life.state != State::kGood || MUTANT(kTrustOldDisk)) return false;
  return life.ask_anew(State::kOutlived);
}

bool DiskLives::tell(Incarnation incarnation, Instant now) {
  Life& life = lives_[incarnation];
  if (now < life.next_told) return false;
  life.next_told = now + limits::kDiskWentBackInterval;
  return true;
}

std::optional<DiskLife> DiskLives::known(Incarnation incarnation) const {
  const auto at = lives_.find(incarnation);
  if (at == lives_.end() || at->second.life == 0) return std::nullopt;
  return DiskLife{incarnation, at->second.life, at->second.process};
}

}  // namespace patronus
