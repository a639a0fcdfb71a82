// patronusctl backup: how the copies off site stand, and what is done with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

void add_backup_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
