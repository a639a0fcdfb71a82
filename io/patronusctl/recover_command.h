// patronusctl node recover: the way on when the majority of a cluster is lost for good.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

// After add_cluster_commands(), whose `node` it belongs to.
void add_recover_command(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
