#include "sim/rare_turns.h"

#ifdef PATRONUS_MUTANTS
namespace patronus::sim {
namespace {

// Where the tape says nothing, nothing rare comes for so many times as long as else.
constexpr uint32_t kRest = 8;

}  // namespace

RareTurns::RareTurns(const Profile& profile, Tape& tape) : before_(rarities) {
  for (size_t i = 0; i < kRareTurns; ++i) {
    if (profile.rare_turns[i] == 0) continue;
    turns_[i].gap = profile.rare_turns[i];
    turns_[i].track = &tape.track("rare-" + std::string(rare_turn_name(static_cast<RareTurn>(i))));
    draw(turns_[i]);
  }
  rarities = this;
}

RareTurns::~RareTurns() { rarities = before_; }

void RareTurns::draw(Turn& turn) {
  turn.left = turn.track->choose(2 * turn.gap);
  turn.comes = turn.left > 0;
  if (!turn.comes) turn.left = kRest * turn.gap;
}

bool RareTurns::comes(RareTurn which) {
  Turn& turn = turns_[static_cast<size_t>(which)];
  if (turn.track == nullptr || stopped_ || --turn.left > 0) return false;
  const bool comes = turn.comes;
  turn.times += comes ? 1 : 0;
  draw(turn);
  return comes;
}

void RareTurns::report(std::map<std::string, uint64_t>& faults) const {
  for (size_t i = 0; i < kRareTurns; ++i) {
    if (turns_[i].times > 0)
      faults["rare " + std::string(rare_turn_name(static_cast<RareTurn>(i)))] = turns_[i].times;
  }
}

}  // namespace patronus::sim
#endif
