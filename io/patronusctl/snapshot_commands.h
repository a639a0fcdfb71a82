// patronusctl snapshot: the state taken out of a cluster, looked at, and made the beginning of a new one.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

void add_snapshot_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
