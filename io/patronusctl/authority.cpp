#include "io/patronusctl/authority.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/limits.h"
#include "core/base/types.h"
#include "io/patronusctl/authority_directory.h"
#include "io/patronusctl/list_url.h"
#include "io/patronusctl/revocation.h"
#include "io/patronusctl/validity.h"
#include "io/tls/issue.h"

namespace patronus::ctl {
namespace {

// Beyond this today's browsers refuse a server's certificate.
constexpr int64_t kBrowserDaysMax = 398;

// Random bytes as hex; empty if the system has none to give.
std::string random_hex(size_t bytes) {
  std::array<unsigned char, 64> random{};
  if (bytes > random.size() || RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) return "";
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += kDigits[random[i] >> 4];
    text += kDigits[random[i] & 15];
  }
  OPENSSL_cleanse(random.data(), random.size());
  return text;
}

// Why these options can't be what is meant; empty if they can.
std::string check(const IssueOptions& options) {
  if (options.node.empty() == options.host.empty()) return "say for whom: either --node ID or --host NAME";
  if (!options.node.empty() && !is_node_id(options.node)) {
    return "--node '" + options.node + "' is not a node id; use 1 to " +
           std::to_string(limits::kNodeIdBytesMax) + " letters, digits, '.', '-' or '_'";
  }
  if (!options.host.empty() && !tls::is_alternative_name(options.host)) {
    return "--host '" + options.host + "' is neither a host name nor an IP address";
  }
  for (const std::string& name : options.names) {
    if (!tls::is_alternative_name(name)) {
      return "--name '" + name + "' is neither a host name nor an IP address";
    }
  }
  if (std::string fault = check_list_url(options.list_url); !fault.empty()) return fault;
  std::string error;
  (void)validity_of(options.lifetime, now(), error);
  return error;
}

struct Made {
  tls::KeyAndCertificate pem;
  tls::Validity validity;
  std::string list_url;
};

std::variant<Made, std::string> make(const IssueOptions& options) {
  std::string error;
  std::optional<tls::Validity> validity = validity_of(options.lifetime, now(), error);
  if (!validity) return error;
  const auto opened = open_authority(options.directory);
  if (const auto* why = std::get_if<std::string>(&opened)) return *why;
  const auto& authority = std::get<tls::Authority>(opened);
  const int64_t end = tls::not_after(authority.certificate.get());
  if (end <= now()) {
    return "the authority in '" + options.directory + "' expired on " + tls::format_time(end) +
           "; make a new one with patronusctl tls init and give all nodes certificates of it";
  }
  if (validity->not_after > end) {
    print_warning("the certificate ends with its authority, on " + tls::format_time(end));
    validity->not_after = end;
  }
  if (validity->not_after - now() > kBrowserDaysMax * kDay) {
    print_warning("browsers refuse certificates that are valid for more than " +
                  std::to_string(kBrowserDaysMax) + " days");
  }
  tls::Request request;
  request.node = options.node;
  request.common_name = options.node.empty() ? options.host : options.node;
  request.names = options.names;
  const bool listed =
      std::find(options.names.begin(), options.names.end(), options.host) != options.names.end();
  if (!options.host.empty() && !listed) request.names.insert(request.names.begin(), options.host);
  request.validity = *validity;
  const auto url = list_url_of(options);
  if (const auto* why = std::get_if<ListUrlFault>(&url)) return why->text;
  request.crl_url = std::get<std::string>(url);
  auto pem = tls::issue(authority, request);
  if (const auto* why = std::get_if<std::string>(&pem)) return "OpenSSL made no certificate: " + *why;
  return Made{std::move(std::get<tls::KeyAndCertificate>(pem)), *validity, request.crl_url};
}

std::string output_directory(const IssueOptions& options) {
  return options.out.empty() ? options.directory : options.out;
}

// The file from which the certificate can be read again.
std::string certificate_path(const IssueOptions& options) {
  const std::string directory = output_directory(options);
  return options.node.empty() ? below(directory, options.host + ".pem")
                              : below(directory, options.node + ".crt");
}

int write_issued(const IssueOptions& options, Format format, IfThere if_there) {
  auto outcome = make(options);
  if (const auto* why = std::get_if<std::string>(&outcome)) return fail(*why);
  const Made& made = std::get<Made>(outcome);
  const std::string directory = output_directory(options);
  if (const auto error = make_directory(directory)) return fail(*error);
  const std::string until =
      ", until " + tls::format_time(made.validity.not_after) +
      (made.list_url.empty() ? "" : ", says that " + made.list_url + " lists those that are revoked");
  const std::string certificate = certificate_path(options);
  if (options.node.empty()) {
    const auto error = write_file(certificate, made.pem.certificate + made.pem.key, kPrivate, if_there);
    if (error) return fail(*error);
    report({{certificate, "certificate and key of " + options.host + until}}, format);
    return kOk;
  }
  const std::string key = below(directory, options.node + ".key");
  if (if_there == IfThere::kRefuse && is_there(certificate)) {
    return fail("'" + certificate + "' exists and is not overwritten; use patronusctl tls renew");
  }
  // The certificate comes last: whoever waits for it finds the key there.
  if (const auto error = write_file(key, made.pem.key, kPrivate, if_there)) return fail(*error);
  if (const auto error = write_file(certificate, made.pem.certificate, kPublic, if_there))
    return fail(*error);
  report({{key, "key of node " + options.node}, {certificate, "certificate of node " + options.node + until}},
         format);
  return kOk;
}

}  // namespace

int init_authority(const InitOptions& options, Format format) {
  std::string error = check_list_url(options.list_url);
  if (!error.empty()) return fail(error, kUsage);
  const std::optional<tls::Validity> validity = validity_of(options.lifetime, now(), error);
  if (!validity) return fail(error, kUsage);
  // Names differ, so that certificates of two authorities can be told apart.
  const std::string name = options.name.empty() ? "Patronus CA " + random_hex(4) : options.name;
  const std::string secret = random_hex(limits::kClusterSecretBytesMin);
  if (secret.empty()) return fail("the system gives no random bytes");
  const auto made = tls::make_authority(name, *validity);
  if (const auto* why = std::get_if<std::string>(&made)) return fail("OpenSSL made no authority: " + *why);
  const auto& pem = std::get<tls::KeyAndCertificate>(made);
  const auto list = first_list(pem, *validity);
  if (const auto* why = std::get_if<ListFault>(&list)) return fail("OpenSSL made no list: " + why->text);
  if (const auto failure = make_directory(options.directory)) return fail(*failure);
  struct File {
    std::string path;
    std::string content;
    mode_t mode;
    std::string what;
  };
  std::vector<File> files{
      {below(options.directory, kKeyFile), pem.key, kPrivate, "the authority's key: keep it off the nodes"},
      {below(options.directory, kCertificateFile), pem.certificate, kPublic,
       "the authority, for nodes and clients, until " + tls::format_time(validity->not_after)},
      {below(options.directory, kListFile), std::get<std::string>(list), kPublic,
       "the certificates that are revoked (none), for nodes: PATRONUS_TLS_CRL"},
      {below(options.directory, kSecretFile), secret + "\n", kPrivate,
       "the cluster's secret, for nodes: PATRONUS_CLUSTER_SECRET_FILE"}};
  if (!options.list_url.empty()) {
    files.insert(files.begin(), {below(options.directory, kListUrlFile), options.list_url + "\n", kPublic,
                                 "where certificates say that ca.crl is found"});
  }
  for (const File& file : files) {
    if (is_there(file.path)) {
      return fail("'" + file.path + "' exists and is not overwritten; name another directory with --dir");
    }
  }
  std::vector<std::pair<std::string, std::string>> reported;
  for (const File& file : files) {
    if (const auto failure = write_file(file.path, file.content, file.mode, IfThere::kRefuse)) {
      return fail(*failure);
    }
    reported.emplace_back(file.path, file.what);
  }
  report(reported, format);
  return kOk;
}

int issue_certificate(const IssueOptions& options, Format format) {
  if (const std::string error = check(options); !error.empty()) return fail(error, kUsage);
  return write_issued(options, format, IfThere::kRefuse);
}

int renew_certificate(IssueOptions options, Format format) {
  if (const std::string error = check(options); !error.empty()) return fail(error, kUsage);
  const std::string path = certificate_path(options);
  const ReadFile file = read_small_file(path);
  if (!file.error.empty()) return fail(file.error + "; make it with patronusctl tls issue first");
  const auto parsed = tls::parse_certificates(file.content);
  if (const auto* why = std::get_if<std::string>(&parsed)) return fail("'" + path + "' " + *why);
  const tls::CertificateInfo before =
      tls::describe(std::get<std::vector<tls::Certificate>>(parsed).front().get());
  if (before.node != options.node) {
    return fail("'" + path + "' is " +
                (before.node.empty() ? "no node's certificate" : "the certificate of node " + before.node));
  }
  for (const std::string& name : before.names) {
    const bool listed = std::find(options.names.begin(), options.names.end(), name) != options.names.end();
    if (!listed && name != options.node) options.names.push_back(name);
  }
  if (options.list_url.empty()) options.list_url = before.crl_url;
  return write_issued(options, format, IfThere::kReplace);
}

}  // namespace patronus::ctl
