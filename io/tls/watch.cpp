#include "io/tls/watch.h"

namespace patronus::tls {
namespace {

// Why the certificate is of no use at this time; empty if it is.
std::string check_dates(const CredentialFiles& files, const X509* certificate, int64_t now) {
  if (not_after(certificate) <= now) {
    return files.certificate.text() + " expired on " + format_time(not_after(certificate)) +
           "; issue another with patronusctl tls renew";
  }
  if (not_before(certificate) > now) {
    return files.certificate.text() + " is not valid before " + format_time(not_before(certificate)) +
           "; look whether the clocks are right";
  }
  return "";
}

}  // namespace

CertificateWatch::CertificateWatch(Role role, CredentialFiles files)
    : role_(role),
      files_(std::move(files)),
      changes_({files_.certificate.path, files_.key.path, files_.authority.path}) {}

std::variant<std::shared_ptr<const Context>, std::string> CertificateWatch::read(
    std::optional<int64_t> now) const {
  auto credentials = read_credentials(files_);
  if (auto* error = std::get_if<std::string>(&credentials)) return std::move(*error);
  const auto& good = std::get<Credentials>(credentials);
  if (now) {
    if (std::string error = check_dates(files_, good.chain.front().get(), *now); !error.empty()) return error;
  }
  auto context = Context::make(role_, good);
  if (const auto* error = std::get_if<std::string>(&context)) return files_.certificate.text() + " " + *error;
  return context;
}

std::variant<std::shared_ptr<const Context>, std::string> CertificateWatch::load() {
  changes_.begin();
  return read(std::nullopt);
}

std::optional<CertificateWatch::Found> CertificateWatch::look(int64_t now) {
  if (!changes_.look(now)) return std::nullopt;
  auto outcome = read(now);
  if (auto* fresh = std::get_if<std::shared_ptr<const Context>>(&outcome)) {
    changes_.taken();
    const std::string until = format_time((*fresh)->not_after());
    return Found{std::move(*fresh),
                 files_.certificate.text() + " has changed and is used from now on, until " + until, false};
  }
  if (!changes_.refused()) return std::nullopt;
  return Found{nullptr, std::get<std::string>(outcome) + "; the certificate read before stays in use", true};
}

}  // namespace patronus::tls
