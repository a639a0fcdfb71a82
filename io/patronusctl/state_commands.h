// The verbs on replicated state: state get, put, delete, list.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

void add_state_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
