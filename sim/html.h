// A run as one page that needs nothing else: a line for each node over time, its role as a colour, messages
// as arrows, what was said as notes to step through.
#pragma once

#include <string>

#include "sim/world.h"

namespace patronus::sim {

// `outcome` is of a run that kept its trace.
[[nodiscard]] std::string html_of(const Outcome& outcome, const std::string& title);

}  // namespace patronus::sim
