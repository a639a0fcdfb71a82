// What the server does with certificates and with lists of revoked ones, at the start and when their files
// change.
#include <utility>

#include "io/tls/certificate.h"
#include "io/uv/log.h"
#include "io/uv/server.h"

namespace patronus::uv {

void Server::use_certificates(Certificates&& certificates) {
  reloader_ = std::make_unique<CertificateReloader>(loop_.get());
  if (certificates.https) {
    use_certificate(std::move(*certificates.https), config_.https_tls->certificate.variable,
                    &TlsStreams::use_for_https);
  }
  if (certificates.peers) {
    use_certificate(std::move(*certificates.peers), config_.peer_tls->certificate.variable,
                    &TlsStreams::use_for_peers);
  }
  if (certificates.revocations) use_revocations(std::move(*certificates.revocations));
}

void Server::use_certificate(LoadedCertificate&& one, const std::string& variable,
                             void (TlsStreams::*take)(TlsStreams::Context)) {
  (streams_.get()->*take)(one.context);
  if (one.context->not_after() <= now().wall.unix_ms / 1000) {
    log_line(LogLevel::kError, "certificate",
             variable + " has expired and is used for want of another; issue one with patronusctl tls renew");
  }
  reloader_->add(std::move(one.watch), [this, take](const tls::CertificateWatch::Found& found) {
    log_line(found.is_error ? LogLevel::kError : LogLevel::kInfo, "certificate", found.line);
    if (!found.fresh) return;
    (streams_.get()->*take)(found.fresh);
    warn_of_own_revocation();
  });
}

void Server::use_revocations(LoadedRevocations&& revocations) {
  take_revocations(revocations.lists);
  reloader_->add(std::move(revocations.watch), [this](const tls::RevocationWatch::Found& found) {
    log_line(found.is_error ? LogLevel::kError : LogLevel::kInfo, "revocation", found.line);
    if (found.fresh) take_revocations(found.fresh);
  });
}

void Server::take_revocations(const TlsStreams::Revocations& lists) {
  streams_->use_revocations(lists);
  driver_->publish_revocations(lists->published());
  warn_of_own_revocation();
}

// Such a node goes on: what it serves is not wrong, and who is shut out by the others shows in its health.
void Server::warn_of_own_revocation() {
  const TlsStreams::Revocations& lists = streams_->revocations();
  const TlsStreams::Context& own = streams_->peers();
  const std::optional<int64_t> at = lists && own ? lists->revoked_at(own->certificate()) : std::nullopt;
  if (!at) return;
  log_line(LogLevel::kError, "revocation",
           "this node's own certificate in " + config_.peer_tls->certificate.variable + " was revoked on " +
               tls::format_time(*at) +
               " and other nodes refuse it; issue another with patronusctl tls renew");
}

void Server::add_tls_figures(ProcessFigures& figures) const {
  for (const auto& [name, context] :
       {std::pair("https", streams_->https()), std::pair("peer", streams_->peers())}) {
    if (context) figures.certificates_end.emplace_back(name, static_cast<double>(context->not_after()));
  }
  if (const TlsStreams::Revocations& lists = streams_->revocations()) {
    figures.revocations_end = static_cast<double>(lists->next_update());
  }
  figures.tls_failures = static_cast<double>(streams_->failures());
}

}  // namespace patronus::uv
