// What a run did, in words for people: who led, what was cut, crashed and lost, what was asked, written and
// answered, and where a checker fired.
#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace patronus::sim {

// Everything, a line for each fact with its time; the nodes' talk and commits between two facts are told in
// one line. `outcome` is of a run that kept its trace.
[[nodiscard]] std::vector<std::string> transcript_of(const Outcome& outcome, const std::string& title);

// The short form: who led, what was cut, what was lost; the last `lines_max` of it, and the verdict.
[[nodiscard]] std::vector<std::string> story_of(const Outcome& outcome, size_t lines_max);

}  // namespace patronus::sim
