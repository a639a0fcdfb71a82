// The operator's command line.
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/output.h"
#include "io/patronusctl/tls_command.h"

namespace patronus::ctl {
namespace {

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
  add_tls_commands(app, format, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    print_error(std::string(error.what()) + "; see patronusctl --help, or --help after a verb");
    return kUsage;
  }
  return chosen ? chosen() : kUsage;
}

}  // namespace
}  // namespace patronus::ctl

int main(int argc, char** argv) { return patronus::ctl::run(argc, argv); }
