#include "io/backup/litestream.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "core/base/limits.h"
#include "io/backup/child.h"
#include "io/backup/litestream_config.h"
#include "io/config/time_text.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

namespace fs = std::filesystem;

constexpr size_t kGenerationBytesMax = 64;
// Around a point in time. What was written by then may have been shipped a second or two later.
constexpr int64_t kLaterMs = 2'000;
constexpr int64_t kEarlierMs = 4'000;
constexpr int64_t kStepMs = 1'000;

// The last thing it said that was an error, without the time in front of it.
std::string last_words(const std::string& output) {
  std::string words;
  for (size_t at = 0; at < output.size();) {
    const size_t end = std::min(output.find('\n', at), output.size());
    const std::string line = output.substr(at, end - at);
    at = end + 1;
    const size_t error = line.find("level=ERROR ");
    if (!line.empty()) words = error == std::string::npos ? line : line.substr(error + 12);
  }
  return words.substr(0, 400);
}

std::optional<std::string> write_config(const Shipped& what) {
  LitestreamConfig config;
  // It is only a name here: by this path the configuration is asked for.
  config.database = what.scratch + "/shipped.db";
  config.path = what.path;
  config.targets = {what.target};
  return replace_file(what.scratch, "litestream.yml", render(config));
}

std::variant<std::optional<std::string>, std::string> restore(const Shipped& what, const Ask& ask) {
  const std::string copy = what.scratch + "/restored.db";
  std::error_code error;
  for (const char* ending : {"", "-wal", "-shm", ".tmp", ".tmp-wal", ".tmp-shm"})
    fs::remove(copy + ending, error);
  if (auto failed = write_config(what)) return std::move(*failed);
  Command command{
      what.program,         "restore", "-config", what.scratch + "/litestream.yml", "-no-expand-env",
      "-if-replica-exists", "-o",      copy};
  if (!ask.generation.empty()) command.insert(command.end(), {"-generation", ask.generation});
  if (ask.at_ms) command.insert(command.end(), {"-timestamp", format_time(*ask.at_ms)});
  command.push_back(what.scratch + "/shipped.db");
  std::variant<Ended, std::string> ended = run_child(command, limits::kBackupRestorePatience, what.meanwhile);
  if (auto* failed = std::get_if<std::string>(&ended)) return std::move(*failed);
  const auto& done = std::get<Ended>(ended);
  if (done.code != 0)
    return what.target.url() + ", " + what.path + ": Litestream can't restore it: " + last_words(done.output);
  if (::access(copy.c_str(), F_OK) != 0) return std::optional<std::string>();
  return std::optional<std::string>(copy);
}

}  // namespace

std::string generation_of(const std::string& database) {
  const size_t slash = database.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const std::string path = database.substr(0, name) + "." + database.substr(name) + "-litestream/generation";
  std::variant<std::optional<std::string>, std::string> read = read_if_there(path, kGenerationBytesMax);
  const auto* text = std::get_if<std::optional<std::string>>(&read);
  if (text == nullptr || !*text) return "";
  std::string generation = **text;
  while (!generation.empty() && generation.back() == '\n') generation.pop_back();
  return generation.find_first_not_of("0123456789abcdef") == std::string::npos ? generation : "";
}

std::variant<std::optional<std::string>, std::string> restore_latest(const Shipped& what) {
  return restore(what, {});
}

std::vector<Generation> parse_generations(const std::string& output) {
  std::vector<Generation> found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line) && found.size() < limits::kBackupGenerationsMax;) {
    std::istringstream words(line);
    std::string replica;
    std::string lag;
    std::string start;
    std::string end;
    Generation one;
    if (!(words >> replica >> one.name >> lag >> start >> end)) continue;
    const std::optional<int64_t> start_ms = parse_time(start);
    const std::optional<int64_t> end_ms = parse_time(end);
    if (!start_ms || !end_ms) continue;
    one.start_ms = *start_ms;
    one.end_ms = *end_ms;
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<Ask> asks_for(std::vector<Generation> generations, int64_t at_ms) {
  std::sort(generations.begin(), generations.end(),
            [](const Generation& a, const Generation& b) { return a.end_ms > b.end_ms; });
  std::vector<Ask> asks;
  for (const Generation& one : generations) {
    if (one.start_ms > at_ms + kLaterMs) continue;
    // What ends by then is asked for whole: Litestream refuses a time after the end.
    if (one.end_ms <= at_ms + kLaterMs) asks.push_back({one.name, std::nullopt});
    for (int64_t t = at_ms + kLaterMs; t >= at_ms - kEarlierMs; t -= kStepMs) {
      if (t >= one.start_ms && t <= one.end_ms) asks.push_back({one.name, t});
    }
  }
  if (asks.size() > limits::kBackupTimeTries) asks.resize(limits::kBackupTimeTries);
  return asks;
}

std::variant<std::optional<std::string>, std::string> restore_at(const Shipped& what, int64_t at_ms,
                                                                 const AppliedAt& applied_ms) {
  if (auto failed = write_config(what)) return std::move(*failed);
  // It wants to say how far the copies are behind a database, and looks when that was changed.
  if (auto failed = replace_file(what.scratch, "shipped.db", "")) return std::move(*failed);
  std::variant<Ended, std::string> listed =
      run_child({what.program, "generations", "-config", what.scratch + "/litestream.yml", "-no-expand-env",
                 what.scratch + "/shipped.db"},
                limits::kBackupRestorePatience, what.meanwhile);
  if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
  const auto& done = std::get<Ended>(listed);
  if (done.code != 0) return what.target.url() + ": Litestream can't list it: " + last_words(done.output);
  for (const Ask& ask : asks_for(parse_generations(done.output), at_ms)) {
    std::variant<std::optional<std::string>, std::string> restored = restore(what, ask);
    if (std::holds_alternative<std::string>(restored)) return restored;
    const auto& copy = std::get<std::optional<std::string>>(restored);
    if (!copy) continue;
    std::variant<int64_t, std::string> applied = applied_ms(*copy);
    // One from before the first entry says nothing yet.
    if (const auto* ms = std::get_if<int64_t>(&applied); ms != nullptr && *ms <= at_ms) return restored;
  }
  return std::optional<std::string>();
}

}  // namespace patronus::backup
