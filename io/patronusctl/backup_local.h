// The verbs of patronusctl backup that work beside a node, or without any: run, verify --db, restore; and
// render litestream.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/backup/target.h"
#include "io/patronusctl/output.h"

namespace patronus::ctl {

// What is given to all of them, by flags or PATRONUS_X.
struct LocalBackup {
  std::string targets;
  std::string database;  // empty: dashboard.db beside the data directory
  std::string data_directory = "/data/raft";
  std::string litestream = "litestream";
};
void add_targets_option(CLI::App* verb, LocalBackup& given);
void add_database_option(CLI::App* verb, LocalBackup& given);
void add_data_directory_option(CLI::App* verb, LocalBackup& given);
void add_litestream_option(CLI::App* verb, LocalBackup& given);

// The database's path, as given or as the node has it then.
[[nodiscard]] std::string database_of(const LocalBackup& given);

// The targets, or nothing after an error was printed.
[[nodiscard]] std::optional<std::vector<backup::Target>> read_targets(const LocalBackup& given);

// Verifies the copies of this node's database, here and now. Returns the exit code.
[[nodiscard]] int verify_here(Format format, const LocalBackup& given);

// backup run, and what that starts; backup restore. `backup` is the verb that they belong to.
void add_local_backup_commands(CLI::App* backup, const Format& format, std::function<int()>& run);
// render litestream.
void add_render_command(CLI::App& app, std::function<int()>& run);

}  // namespace patronus::ctl
