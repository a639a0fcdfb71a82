// Takes one protection out while it lives.
#pragma once

#include "core/base/mutant.h"

namespace patronus::test {

class MutantGuard {
 public:
  explicit MutantGuard(Mutant mutant) { active_mutant = mutant; }
  ~MutantGuard() { active_mutant = Mutant::kNone; }
  MutantGuard(const MutantGuard&) = delete;
  MutantGuard& operator=(const MutantGuard&) = delete;
};

}  // namespace patronus::test
