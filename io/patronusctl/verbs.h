// What verbs that speak to the cluster have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

// Lets the verb, once it was typed, do `act` with the cluster that the connection leads to.
void let_do(CLI::App* verb, const Connection& connection, std::function<int()>& run,
            std::function<int(Cluster&)> act);

[[nodiscard]] Question get(std::string path);
// A member that is an array, or an empty one.
[[nodiscard]] const picojson::array& array_of(const picojson::value& object, const std::string& member);

}  // namespace patronus::ctl
