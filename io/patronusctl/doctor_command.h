// patronusctl doctor: asks every node that it finds, and says what is wrong and what would mend it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

void add_doctor_command(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
