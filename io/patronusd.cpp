// The node.
#include <netinet/in.h>
#include <unistd.h>
#include <uv.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "core/base/assert.h"
#include "io/backup/restore_at_start.h"
#include "io/config/config.h"
#include "io/heap.h"
#include "io/random_word.h"
#include "io/storage/data_directory.h"
#include "io/uv/certificates.h"
#include "io/uv/log.h"
#include "io/uv/server.h"

namespace patronus {
namespace {

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;

void on_broken_assertion(const char* expression, const char* reason, const char* file, int line) {
  std::fprintf(stderr,
               "patronusd: %s:%d: broken assertion: %s (%s); the node stops rather than go on wrong\n", file,
               line, reason, expression);
  std::abort();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

// Those that other machines may reach.
std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  uv_interface_address_t* all = nullptr;
  int count = 0;
  if (uv_interface_addresses(&all, &count) != 0) return addresses;
  for (int i = 0; i < count; ++i) {
    const uv_interface_address_t& one = all[i];
    const bool v6 = one.address.address4.sin_family == AF_INET6;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int code = v6 ? uv_ip6_name(&one.address.address6, text.data(), text.size())
                        : uv_ip4_name(&one.address.address4, text.data(), text.size());
    const bool is_local =
        one.is_internal != 0 || (v6 && IN6_IS_ADDR_LINKLOCAL(&one.address.address6.sin6_addr));
    if (code == 0 && !is_local) addresses.emplace_back(text.data());
  }
  uv_free_interface_addresses(all, count);
  return addresses;
}

// A line every two seconds while a large image is read.
class LoadingLine {
 public:
  void operator()(uint64_t read, uint64_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(2)) return;
    told_ = now;
    log_line(LogLevel::kInfo, "recovery",
             "read " + std::to_string(read) + (all > 0 ? " of " + std::to_string(all) : "") + " rows");
  }

 private:
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

void add_flags(CLI::App& app, std::map<std::string, std::string>& values) {
  for (const Setting& setting : settings()) {
    std::string help = std::string(setting.help) + " [" + setting.variable();
    if (!setting.default_text.empty()) help += ", default " + std::string(setting.default_text);
    app.add_option(setting.flag(), values[std::string(setting.name)], help + "]");
  }
}

int run(int argc, char** argv) {
  CLI::App app(
      "patronusd: one node of a highly available dashboard.\n"
      "Settings come from flags, then the environment (also PATRONUS_X_FILE), then --config, then defaults.",
      "patronusd");
  app.set_version_flag("--version", std::string("patronusd ") + PATRONUS_VERSION);
  std::string config_file;
  app.add_option("--config", config_file, "a file of lines PATRONUS_X=value");
  std::map<std::string, std::string> flags;
  add_flags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "patronusd: %s; see patronusd --help\n", error.what());
    return kExitUsage;
  }

  Sources sources;
  std::vector<std::string> errors;
  std::vector<std::string> unknown;
  for (const Setting& setting : settings()) {
    const std::string name(setting.name);
    if (app.count(setting.flag()) > 0) sources.flags.emplace(name, flags[name]);
  }
  read_environment(environ, sources, errors, unknown);
  if (!config_file.empty()) read_config_file(config_file, sources, errors);
  sources.host_name = host_name();
  sources.own_addresses = own_addresses();
  LoadedConfig loaded = make_config(sources);
  errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
  for (const std::string& error : errors) std::fprintf(stderr, "patronusd: %s\n", error.c_str());
  if (!errors.empty()) return kExitUsage;
  uv::Certificates certificates = uv::load_certificates(loaded.config, errors);
  for (const std::string& error : errors) std::fprintf(stderr, "patronusd: %s\n", error.c_str());
  if (!errors.empty()) return kExitUsage;

  set_up_log(loaded.config.node_id, loaded.config.log_level);
  for (const std::string& name : unknown)
    log_line(LogLevel::kWarn, "configuration", name + " is not used by this version");
  const std::optional<std::string> unrestored = backup::restore_at_start(
      loaded.config, [](const std::string& line) { log_line(LogLevel::kWarn, "restore", line); });
  if (unrestored) {
    std::fprintf(stderr, "patronusd: %s\n", unrestored->c_str());
    return kExitError;
  }
  OpenData how;
  how.path = loaded.config.data_dir;
  how.map_bytes = limits::kImageMapBytes;
  how.has_peers = !loaded.config.peers.empty() || loaded.config.peers_name;
  how.incarnation = [] { return Incarnation{random_word()}; };
  how.progress = LoadingLine();
  how.say = [](const std::string& line) { log_line(LogLevel::kWarn, "recovery", line); };
  std::variant<OpenedData, std::string> opened = open_data(how);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    std::fprintf(stderr, "patronusd: %s\n", error->c_str());
    return kExitError;
  }
  auto& data = std::get<OpenedData>(opened);
  std::optional<DatabaseLock> database;
  if (!loaded.config.database_path.empty()) {
    std::variant<DatabaseLock, std::string> taken = DatabaseLock::take(loaded.config.database_path);
    if (const auto* error = std::get_if<std::string>(&taken)) {
      std::fprintf(stderr, "patronusd: %s\n", error->c_str());
      return kExitError;
    }
    database.emplace(std::move(std::get<DatabaseLock>(taken)));
  }
  log_line(LogLevel::kInfo, "recovery",
           std::to_string(data.directory.recovered.entries.size()) + " entries, term " +
               std::to_string(data.directory.recovered.hard.term.value) +
               ", the image holds all up to entry " + std::to_string(data.state.store.applied().value));
  int exit_code = 0;
  {
    uv::Server server(loaded.config, std::move(certificates), std::move(data), std::move(database),
                      random_word(), PATRONUS_VERSION);
    exit_code = server.run();
    if (!server.begins_again()) return exit_code;
    if (server.sets_aside()) {
      const AsideResult aside = set_aside(loaded.config.data_dir, *server.sets_aside());
      if (!aside.failure.empty()) {
        std::fprintf(stderr, "patronusd: %s must be set aside, but %s\n", loaded.config.data_dir.c_str(),
                     aside.failure.c_str());
        return kExitError;
      }
      log_line(LogLevel::kWarn, "rebuild", "set aside as " + aside.name + "; begins with nothing");
    }
    if (server.is_told_to_stop()) return exit_code;
  }
  // A new program in the same process: whoever supervises it sees no end, and everything is as after a start.
  flush_log();
  execv("/proc/self/exe", argv);
  std::fprintf(stderr, "patronusd: can't start itself again: %s\n", std::strerror(errno));
  return kExitError;
}

}  // namespace
}  // namespace patronus

int main(int argc, char** argv) {
  patronus::keep_heap_steps_short();
  patronus::set_assertion_handler(patronus::on_broken_assertion);
  return patronus::run(argc, argv);
}
