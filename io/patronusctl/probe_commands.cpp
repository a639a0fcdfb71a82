#include "io/patronusctl/probe_commands.h"

#include <memory>
#include <string>

#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/files.h"
#include "io/patronusctl/probe_responder.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

int show_key(Cluster& cluster, const std::string& site, const std::string& file) {
  const HttpReply reply = cluster.ask(get("/api/v1/sites/" + escaped(site) + "/probe-key"));
  if (reply.status != 200) return explain(reply);
  const picojson::value answer = json_of(reply);
  if (!file.empty()) {
    if (const auto failed = write_file(file, text_of(answer, "key") + "\n", kPrivate, IfThere::kReplace)) {
      print_error(*failed);
      return kError;
    }
    if (cluster.format() == Format::kTable) print_line("wrote the key of site " + site + " to " + file);
    return kOk;
  }
  if (cluster.format() == Format::kJson) {
    print_json(reply);
  } else {
    print_rows({{"site", text_of(answer, "site")},
                {"key generation", text_of(answer, "key_generation")},
                {"key", text_of(answer, "key")}});
  }
  return kOk;
}

}  // namespace

void add_probe_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<ProbeResponder>();
  CLI::App* verb = app.add_subcommand("probe-responder",
                                      "A site's end of the probes: answers the nodes, and sends on to other "
                                      "sites what is for them. Runs until "
                                      "SIGTERM; SIGUSR1 prints what it has counted.");
  verb->add_option("--site", given->site, "the site's id")->required();
  verb->add_option("--key-file", given->key_file,
                   "file of the site's key, as patronusctl site probe-key ID --out FILE writes it")
      ->required();
  verb->add_option("--listen", given->listen,
                   "where nodes and other sites' responders reach it, such as 0.0.0.0:7700")
      ->required();
  verb->callback([&connection, &run, given] {
    run = [&connection, given] { return run_probe_responder(*given, connection.format); };
  });

  struct KeyGiven {
    std::string site;
    std::string file;
  };
  auto key = std::make_shared<KeyGiven>();
  CLI::App* site = app.add_subcommand("site", "What a site's own end needs.");
  site->require_subcommand(1);
  verb = site->add_subcommand(
      "probe-key", "The key that a site's responder needs. Whoever has it can answer for the site.");
  verb->add_option("ID", key->site, "the site's id")->required();
  verb->add_option("--out", key->file, "write it to this file, for its owner alone, rather than show it");
  let_do(verb, connection, run, [key](Cluster& cluster) { return show_key(cluster, key->site, key->file); });
}

}  // namespace patronus::ctl
