#include "io/tls/watch.h"

#include <sys/stat.h>

#include <utility>

namespace patronus::tls {
namespace {

constexpr int64_t kTryAgainSeconds = 60;

// With the time of the last change of the inode: rights that are mended make a file readable without touching
// it.
std::array<int64_t, 7> stamp_of(const std::string& path) {
  struct stat about{};
  if (path.empty() || stat(path.c_str(), &about) != 0) return {};
  return {static_cast<int64_t>(about.st_dev),
          static_cast<int64_t>(about.st_ino),
          about.st_size,
          about.st_mtim.tv_sec,
          about.st_mtim.tv_nsec,
          about.st_ctim.tv_sec,
          about.st_ctim.tv_nsec};
}

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

CertificateWatch::Stamp CertificateWatch::stamp() const {
  return {stamp_of(files_.certificate.path), stamp_of(files_.key.path), stamp_of(files_.authority.path)};
}

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
  // Taken before the files are read: a change in between shows as one at the next look.
  loaded_ = stamp();
  return read(std::nullopt);
}

std::optional<CertificateWatch::Found> CertificateWatch::look(int64_t now) {
  const Stamp seen = stamp();
  if (seen == loaded_) return std::nullopt;
  // What was refused may become good by itself: a certificate that was not valid yet.
  if (seen == bad_ && complained_ && now < try_again_) return std::nullopt;
  try_again_ = now + kTryAgainSeconds;
  auto outcome = read(now);
  if (auto* fresh = std::get_if<std::shared_ptr<const Context>>(&outcome)) {
    loaded_ = seen;
    bad_.reset();
    complained_ = false;
    const std::string until = format_time((*fresh)->not_after());
    return Found{std::move(*fresh),
                 files_.certificate.text() + " has changed and is used from now on, until " + until, false};
  }
  const bool seen_before = seen == bad_;
  bad_ = seen;
  const bool told = std::exchange(complained_, seen_before) && seen_before;
  if (!seen_before || told) return std::nullopt;
  return Found{nullptr, std::get<std::string>(outcome) + "; the certificate read before stays in use", true};
}

}  // namespace patronus::tls
