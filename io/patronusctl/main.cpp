// The operator's command line.
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "io/patronusctl/backup_commands.h"
#include "io/patronusctl/backup_local.h"
#include "io/patronusctl/cluster_commands.h"
#include "io/patronusctl/doctor_command.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/output.h"
#include "io/patronusctl/probe_commands.h"
#include "io/patronusctl/recover_command.h"
#include "io/patronusctl/session_commands.h"
#include "io/patronusctl/snapshot_commands.h"
#include "io/patronusctl/state_commands.h"
#include "io/patronusctl/tls_command.h"

namespace patronus::ctl {
namespace {

void add_connection_options(CLI::App& app, Connection& connection) {
  app.add_option(
         "--endpoint", connection.endpoints,
         "where a node or the balancer is reached, https://host:port; may be repeated, and the next one is "
         "tried when one does not answer [the session's, else https://127.0.0.1:8443]")
      ->expected(1)
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->envname("PATRONUS_ENDPOINTS");
  app.add_option(
         "--ca", connection.ca,
         "file of the authority that the nodes' certificates come from [the session's, else the system's]")
      ->envname("PATRONUS_CA");
  app.add_option("--token", connection.token, "an access token, instead of the session of patronusctl login")
      ->envname("PATRONUS_TOKEN");
  app.add_option("--timeout", connection.timeout, "how long one request may take: 10, 10s, 500ms")
      ->capture_default_str();
}

int run(int argc, char** argv) {
  CLI::App app(
      "patronusctl: operates a Patronus cluster.\n"
      "Exit codes: 0 ok, 1 error, 2 usage, 3 degraded, 4 no quorum, 5 not allowed, 6 conflict.",
      "patronusctl");
  app.set_version_flag("--version", std::string("patronusctl ") + PATRONUS_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  Format format = Format::kTable;
  app.add_option("-o,--output", format, "table or json")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Format>{{"table", Format::kTable}, {"json", Format::kJson}}))
      ->default_str("table");
  std::function<int()> chosen;
  Connection connection;
  add_connection_options(app, connection);
  add_cluster_commands(app, connection, chosen);
  add_doctor_command(app, connection, chosen);
  add_recover_command(app, connection, chosen);
  add_state_commands(app, connection, chosen);
  add_snapshot_commands(app, connection, chosen);
  add_session_commands(app, connection, chosen);
  add_probe_commands(app, connection, chosen);
  add_backup_commands(app, connection, chosen);
  add_render_command(app, chosen);
  add_tls_commands(app, format, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    print_error(std::string(error.what()) + "; see patronusctl --help, or --help after a verb");
    return kUsage;
  }
  connection.format = format;
  return chosen ? chosen() : kUsage;
}

}  // namespace
}  // namespace patronus::ctl

int main(int argc, char** argv) { return patronus::ctl::run(argc, argv); }
