#include "io/patronusctl/tls_command.h"

#include <memory>
#include <string>
#include <vector>

#include "io/patronusctl/authority.h"
#include "io/patronusctl/revocation.h"

namespace patronus::ctl {
namespace {

constexpr const char* kAbout =
    "The cluster's own authority, and the certificates it issues.\n\n"
    "  patronusctl tls init --dir tls\n"
    "  patronusctl tls issue --dir tls --node dashboard1 --name dashboard.example.org\n\n"
    "Keep the directory of the authority (ca.key above all) off the nodes. Copy to each node only its own\n"
    "two files and three that are the same everywhere:\n\n"
    "  dashboard1.crt   PATRONUS_TLS_CERT\n"
    "  dashboard1.key   PATRONUS_TLS_KEY\n"
    "  ca.crt           PATRONUS_PEER_CA\n"
    "  ca.crl           PATRONUS_TLS_CRL\n"
    "  cluster-secret   PATRONUS_CLUSTER_SECRET_FILE\n\n"
    "Clients check a node against ca.crt too. A running node notices when its files are replaced.\n\n"
    "Whose key is lost is shut out with patronusctl tls revoke, and ca.crl copied to every node anew.";

void add_lifetime(CLI::App* verb, Lifetime& lifetime, int64_t days) {
  lifetime.days = days;
  verb->add_option("--days", lifetime.days, "how long it is valid from now")->capture_default_str();
  verb->add_option("--not-before", lifetime.not_before,
                   "when it begins, instead of an hour ago (2027-01-31T12:00:00Z)");
  verb->add_option("--not-after", lifetime.not_after, "when it ends, instead of --days");
}

void add_list_url(CLI::App* verb, std::string& url, const std::string& about) {
  verb->add_option("--crl-url", url, about);
}

void add_list_options(CLI::App* verb, ListOptions& options) {
  verb->add_option("--dir", options.directory, "the authority's directory, from tls init")->required();
  verb->add_option("--days", options.days,
                   "when clients that keep a copy must fetch the next one [as long as the authority lasts]");
}

// The verbs about certificates that must not be used any more.
void add_revocation(CLI::App* tls, const Format& format, std::function<int()>& run) {
  auto revoke = std::make_shared<ListOptions>();
  CLI::App* verb =
      tls->add_subcommand("revoke",
                          "Revokes a certificate: signs a new ca.crl that lists it. A node that has the new "
                          "list refuses it, and ends links "
                          "to whoever showed it. What is revoked stays so; issue another with tls renew.");
  verb->add_option(
          "CERTIFICATE", revoke->certificate,
          "the id of a node or the name of a host, whose file in --dir is meant; a file, as ./FILE; or a "
          "serial, as tls show prints it")
      ->required();
  add_list_options(verb, *revoke);
  verb->callback(
      [revoke, &format, &run] { run = [revoke, &format] { return revoke_certificate(*revoke, format); }; });

  auto list = std::make_shared<ListOptions>();
  verb = tls->add_subcommand("crl",
                             "Signs ca.crl anew, with the same certificates; also makes one where none is.");
  add_list_options(verb, *list);
  verb->callback([list, &format, &run] { run = [list, &format] { return renew_list(*list, format); }; });
}

void add_issue_options(CLI::App* verb, IssueOptions& options) {
  verb->add_option("--dir", options.directory, "the authority's directory, from tls init")->required();
  auto* node = verb->add_option("--node", options.node, "the id of a node: makes ID.key and ID.crt");
  verb->add_option(
          "--host", options.host,
          "the host name of what is no node, such as HAProxy: makes NAME.pem with certificate and key")
      ->excludes(node);
  verb->add_option("--name", options.names,
                   "a host name or IP address under which clients reach it; may be repeated. Loopback names "
                   "(localhost, 127.0.0.1) are in it only if they are given")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_list_url(verb, options.list_url,
               "where the certificate says that ca.crl is found, or none [as tls init was told, else "
               "https://NAME:8443/pki/ca.crl with the first name, for --host without the port]");
  add_lifetime(verb, options.lifetime, kLeafDays);
  verb->add_option("--out", options.out, "where the files go, instead of --dir");
}

}  // namespace

void add_tls_commands(CLI::App& app, const Format& format, std::function<int()>& run) {
  CLI::App* tls = app.add_subcommand("tls", kAbout);
  tls->require_subcommand(1);

  auto init = std::make_shared<InitOptions>();
  CLI::App* verb = tls->add_subcommand("init",
                                       "Makes an authority, its list of revoked certificates (empty), and "
                                       "the cluster's secret: ca.key, ca.crt, ca.crl, "
                                       "cluster-secret. Nothing is overwritten.");
  verb->add_option("--dir", init->directory, "where they go; made if it is not there")->required();
  verb->add_option("--name", init->name, "the authority's name [Patronus CA and a random number]");
  add_list_url(verb, init->list_url,
               "where certificates issued later say that ca.crl is found, such as "
               "https://dashboard.example.org/pki/ca.crl: nodes serve it there, also behind a balancer");
  add_lifetime(verb, init->lifetime, kAuthorityDays);
  verb->callback([init, &format, &run] { run = [init, &format] { return init_authority(*init, format); }; });

  auto issue = std::make_shared<IssueOptions>();
  verb = tls->add_subcommand(
      "issue",
      "Makes a key and a certificate for a node (--node) or a balancer (--host). Nothing is overwritten.");
  add_issue_options(verb, *issue);
  verb->callback(
      [issue, &format, &run] { run = [issue, &format] { return issue_certificate(*issue, format); }; });

  auto renew = std::make_shared<IssueOptions>();
  verb =
      tls->add_subcommand("renew",
                          "Replaces what tls issue made by a new key and certificate with the same names and "
                          "those given; each file in one step, so that a running node can take it up.");
  add_issue_options(verb, *renew);
  verb->callback(
      [renew, &format, &run] { run = [renew, &format] { return renew_certificate(*renew, format); }; });

  add_revocation(tls, format, run);

  auto files = std::make_shared<std::vector<std::string>>();
  verb = tls->add_subcommand("show",
                             "Says whose certificates these are, by whom, and until when; of a ca.crl, what "
                             "it revokes and when it runs out. "
                             "Exit code 3 if one has expired, is not valid yet, is revoked by a ca.crl among "
                             "the files, or has 14 days or less "
                             "to go.");
  verb->add_option("FILE", *files, "PEM files")->required();
  verb->callback(
      [files, &format, &run] { run = [files, &format] { return show_certificates(*files, format); }; });
}

}  // namespace patronus::ctl
