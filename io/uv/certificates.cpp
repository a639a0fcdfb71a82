#include "io/uv/certificates.h"

#include <utility>

namespace patronus::uv {
namespace {

tls::NamedFile named(const PathSetting& setting) { return {setting.variable, setting.path}; }

std::optional<LoadedCertificate> load(tls::Role role, const TlsPaths& paths, const NodeId& node,
                                      std::vector<std::string>& errors) {
  tls::CertificateWatch watch(role,
                              {named(paths.certificate), named(paths.key), named(paths.authority), node});
  auto context = watch.load();
  if (auto* error = std::get_if<std::string>(&context)) {
    errors.push_back(std::move(*error));
    return std::nullopt;
  }
  return LoadedCertificate{std::move(watch),
                           std::get<std::shared_ptr<const tls::Context>>(std::move(context))};
}

std::optional<LoadedRevocations> load_revocations(const Config& config, std::vector<std::string>& errors) {
  tls::RevocationWatch watch({named(*config.revocations), named(config.peer_tls->authority)});
  auto lists = watch.load();
  if (auto* error = std::get_if<std::string>(&lists)) {
    errors.push_back(std::move(*error));
    return std::nullopt;
  }
  return LoadedRevocations{std::move(watch),
                           std::get<std::shared_ptr<const tls::RevocationLists>>(std::move(lists))};
}

}  // namespace

Certificates load_certificates(const Config& config, std::vector<std::string>& errors) {
  Certificates certificates;
  if (config.https_tls) certificates.https = load(tls::Role::kHttps, *config.https_tls, NodeId{}, errors);
  // With the same files for both, what is wrong with them is said once.
  if (config.peer_tls && errors.empty()) {
    certificates.peers = load(tls::Role::kPeer, *config.peer_tls, config.node_id, errors);
  }
  if (config.revocations && config.peer_tls && errors.empty()) {
    certificates.revocations = load_revocations(config, errors);
  }
  return certificates;
}

}  // namespace patronus::uv
