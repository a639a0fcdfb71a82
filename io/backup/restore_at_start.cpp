#include "io/backup/restore_at_start.h"

#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <system_error>

#include "core/base/limits.h"
#include "io/backup/child.h"
#include "io/backup/target.h"

namespace patronus::backup {
namespace {

namespace fs = std::filesystem;

// The first thing in the directory that is some node's; empty: there is none.
std::string content_of(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name != "LOCK" && name != "lost+found") return name;
  }
  return "";
}

std::string patronusctl() {
  std::error_code error;
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "patronusctl";
  return !error && ::access(beside.c_str(), X_OK) == 0 ? beside.string() : "patronusctl";
}

}  // namespace

std::optional<std::string> restore_at_start(const Config& config,
                                            const std::function<void(const std::string&)>& say) {
  if (!config.restore) return std::nullopt;
  const RestoreSetting& wanted = *config.restore;
  const std::variant<Source, std::string> source = parse_source(wanted.from);
  if (const auto* fault = std::get_if<std::string>(&source)) return "PATRONUS_RESTORE_FROM: " + *fault;
  if (!std::get<Source>(source).cluster)
    return "PATRONUS_RESTORE_FROM='" + wanted.from +
           "' names no cluster; use <target>/<cluster id>, and list the target "
           "to see which there are";
  if (const std::string found = content_of(config.data_dir); !found.empty()) {
    say("PATRONUS_RESTORE is not heeded: " + config.data_dir + " is not empty (" + found + ")");
    return std::nullopt;
  }
  if (wanted.node != config.node_id) {
    say("node " + wanted.node + " restores what PATRONUS_RESTORE says; this one begins empty and joins it");
    return std::nullopt;
  }
  say("restores " + wanted.from + " as of " + wanted.at + " into " + config.data_dir);
  const Command command{patronusctl(), "backup",  "restore",    "--once",        "--from",    wanted.from,
                        "--at",        wanted.at, "--data-dir", config.data_dir, "--node-id", config.node_id};
  std::variant<Ended, std::string> ended = run_child(command, limits::kBackupRestorePatience);
  if (auto* failed = std::get_if<std::string>(&ended))
    return "PATRONUS_RESTORE='" + wanted.at + "': " + *failed;
  const auto& done = std::get<Ended>(ended);
  std::istringstream lines(done.output);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (!last.empty()) say(last);
    last = line;
  }
  if (done.code != 0)
    return "PATRONUS_RESTORE='" + wanted.at + "': " + (last.empty() ? "patronusctl failed" : last);
  if (!last.empty()) say(last);
  return std::nullopt;
}

}  // namespace patronus::backup
