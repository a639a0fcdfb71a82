// Majorities of the voters of a configuration: nothing else in the core counts votes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/raft/configuration.h"

namespace patronus::quorum {

inline size_t majority(size_t voters) { return voters / 2 + 1; }

// How many voters may fail while the rest still is a majority.
inline size_t failure_tolerance(size_t voters) { return voters == 0 ? 0 : voters - majority(voters); }

// The largest value that a majority of the voters has reached, given what each has reached. Index 0 and
// round 0 mean nothing yet.
template <typename Value>
Value reached_by_majority(const Configuration& configuration,
                          const std::function<Value(const Member&)>& reached) {
  std::vector<Value> values;
  for (const Member& member : configuration.members) {
    if (member.voter) values.push_back(reached(member));
  }
  if (values.empty()) return Value{};
  // In descending order, the value at place `majority` is had by that many voters.
  std::sort(values.begin(), values.end(), std::greater<Value>());
  return values[majority(values.size()) - 1];
}

// True if the voters for which the predicate holds are a majority.
bool has_majority(const Configuration& configuration, const std::function<bool(const Member&)>& holds);

}  // namespace patronus::quorum
