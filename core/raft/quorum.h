// Majorities of the voters of a configuration: nothing else in the core counts votes. A joint one needs two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/base/mutant.h"
#include "core/raft/configuration.h"

namespace patronus::quorum {

inline size_t majority(size_t voters) { return voters / 2 + 1; }

// How many voters may fail while the rest still is a majority.
inline size_t failure_tolerance(size_t voters) { return voters == 0 ? 0 : voters - majority(voters); }

// The larger of the majorities needed, and how many voters of the weaker half may fail.
size_t needed(const Configuration& configuration);
size_t failure_tolerance(const Configuration& configuration);

inline bool counts(Half half, const Member& member) {
  return votes_in(half, member.standing) || (MUTANT(kLearnerCounts) && member.standing == Standing::kLearner);
}

template <typename Value>
Value reached_by_half(const Configuration& configuration, Half half,
                      const std::function<Value(const Member&)>& reached) {
  std::vector<Value> values;
  for (const Member& member : configuration.members) {
    if (counts(half, member)) values.push_back(reached(member));
  }
  if (values.empty()) return Value{};
  // In descending order, the value at place `majority` is had by that many voters.
  std::sort(values.begin(), values.end(), std::greater<Value>());
  return values[majority(values.size()) - (MUTANT(kCommitByOneLess) && values.size() > 1 ? 2 : 1)];
}

// The largest value that a majority of the voters has reached, given what each has reached; while the
// configuration is joint, a majority of either half. Index 0 and round 0 mean nothing yet.
template <typename Value>
Value reached_by_majority(const Configuration& configuration,
                          const std::function<Value(const Member&)>& reached) {
  const Value incoming = reached_by_half<Value>(configuration, Half::kIncoming, reached);
  if (!configuration.is_joint() || MUTANT(kCountOneMajority)) return incoming;
  return std::min(incoming, reached_by_half<Value>(configuration, Half::kOutgoing, reached));
}

// True if the voters for which the predicate holds are a majority, while the configuration is joint of either
// half.
bool has_majority(const Configuration& configuration, const std::function<bool(const Member&)>& holds);

}  // namespace patronus::quorum
