// Makes rare turns common at those sites of the production code that a world's profile names, each by its own
// track; the others are exactly off. In builds without PATRONUS_MUTANTS there are no sites.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "core/base/buggify.h"
#include "sim/profile.h"
#include "sim/tape.h"

namespace patronus::sim {

#ifdef PATRONUS_MUTANTS

class RareTurns final : private Rarities {
 public:
  // From now on, for whatever this thread runs, until this is destroyed.
  RareTurns(const Profile& profile, Tape& tape);
  ~RareTurns();
  RareTurns(const RareTurns&) = delete;
  RareTurns& operator=(const RareTurns&) = delete;

  // Nothing rare comes any more.
  void stop() { stopped_ = true; }
  // How often each site had its turn goes here, by name.
  void report(std::map<std::string, uint64_t>& faults) const;

 private:
  struct Turn {
    Track* track = nullptr;  // null: off
    uint32_t gap = 0;
    uint32_t left = 0;   // so many times that it is asked for until something comes
    bool comes = false;  // and what: the turn itself, or another draw
    uint64_t times = 0;
  };
  bool comes(RareTurn which) override;
  static void draw(Turn& turn);

  Rarities* before_;
  bool stopped_ = false;
  std::array<Turn, kRareTurns> turns_;
};

#else

class RareTurns {
 public:
  RareTurns(const Profile&, Tape&) {}
  void stop() {}
  void report(std::map<std::string, uint64_t>&) const {}
};

#endif

}  // namespace patronus::sim
