// The verbs around accounts: login, logout, session, user.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

void add_session_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
