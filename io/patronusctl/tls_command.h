// patronusctl tls: the authority of a cluster and the certificates of its nodes.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/output.h"

namespace patronus::ctl {

// Adds the verbs. The one that was typed stores in `run` what is to be done; it returns the exit code.
void add_tls_commands(CLI::App& app, const Format& format, std::function<int()>& run);

}  // namespace patronus::ctl
