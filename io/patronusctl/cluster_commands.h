// The verbs that look at the cluster and move its leadership: status, history, node, leader.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

// Adds the verbs. The one that was typed stores in `run` what is to be done; it returns the exit code.
void add_cluster_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
