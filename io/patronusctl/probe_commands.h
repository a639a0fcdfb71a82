// patronusctl probe-responder, site probe-key: a site's end of the probes, and the key for it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

// Adds the verbs, as the others do.
void add_probe_commands(CLI::App& app, const Connection& connection, std::function<int()>& run);

}  // namespace patronus::ctl
