// What verbs that speak to the cluster have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

// Lets the verb, once it was typed, do `act` with the cluster that the connection leads to.
void let_do(CLI::App* verb, const Connection& connection, std::function<int()>& run,
            std::function<int(Cluster&)> act);

[[nodiscard]] Question get(std::string path);
// A member that is an array, or an empty one.
[[nodiscard]] const picojson::array& array_of(const picojson::value& object, const std::string& member);

// Says for people what is at stake: who leads, how many take part, how many may fail. For destructive verbs,
// before and after.
void print_stake(Cluster& cluster, const char* when);

// Lists what a path gives in pages under "items", with a row of the table for each item. `path` has no cursor
// yet. Returns an exit code; a list that does not end within kCtlPagesMax pages is cut and said to be.
[[nodiscard]] int list_pages(Cluster& cluster, const std::string& path, const std::vector<std::string>& names,
                             const std::function<std::vector<std::string>(const picojson::value&)>& row_of);

}  // namespace patronus::ctl
