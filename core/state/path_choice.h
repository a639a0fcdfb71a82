// Which path of a policy traffic should take, by what is known of all of them.
#pragma once

#include <string>
#include <vector>

#include "core/state/tables.h"

namespace patronus {

// Of the policy's paths those that are not down and keep its limits, the preferred one first. Equal ones are
// in the order of their ends, so that every node says the same. A policy that is disabled has none.
[[nodiscard]] std::vector<const PathState*> choice_of_paths(const Tables& tables, const Policy& policy);

}  // namespace patronus
