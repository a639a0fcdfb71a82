// patronusctl backup restore: a lost cluster, back from what is off site.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/output.h"

namespace patronus::ctl {

void add_restore_lost_command(CLI::App* backup, const Format& format, std::function<int()>& run);

}  // namespace patronus::ctl
