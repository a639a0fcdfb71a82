#include "io/tls/revocation_watch.h"

#include "io/tls/certificate.h"
#include "io/tls/credentials.h"

namespace patronus::tls {
namespace {

constexpr const char* kListRemedy = "; use the ca.crl that patronusctl tls init, tls revoke and tls crl make";
constexpr int64_t kRemindEvery = int64_t{24} * 60 * 60;

}  // namespace

RevocationWatch::RevocationWatch(RevocationFiles files)
    : files_(std::move(files)), changes_({files_.lists.path, files_.authority.path}) {}

std::variant<std::shared_ptr<const RevocationLists>, std::string> RevocationWatch::read() const {
  std::string pem;
  if (std::string error = read_file(files_.lists, kListRemedy, pem); !error.empty()) return error;
  auto lists = parse_lists(pem);
  if (const auto* error = std::get_if<std::string>(&lists))
    return files_.lists.text() + " " + *error + kListRemedy;
  const auto authorities = read_authorities(files_.authority);
  if (const auto* error = std::get_if<std::string>(&authorities)) return *error;
  auto made = RevocationLists::make(std::move(std::get<std::vector<Crl>>(lists)),
                                    std::get<std::vector<Certificate>>(authorities));
  if (const auto* error = std::get_if<std::string>(&made)) {
    return files_.lists.text() + " " + *error + "; use the ca.crl of the authority in " +
           files_.authority.text();
  }
  return made;
}

std::variant<std::shared_ptr<const RevocationLists>, std::string> RevocationWatch::load() {
  changes_.begin();
  auto outcome = read();
  if (const auto* lists = std::get_if<std::shared_ptr<const RevocationLists>>(&outcome)) in_use_ = *lists;
  return outcome;
}

std::optional<RevocationWatch::Found> RevocationWatch::look(int64_t now) {
  if (!changes_.look(now)) return remind(now);
  auto outcome = read();
  if (const auto* fresh = std::get_if<std::shared_ptr<const RevocationLists>>(&outcome);
      fresh != nullptr && in_use_) {
    const std::string older = (*fresh)->older_than(*in_use_);
    if (!older.empty()) {
      outcome = files_.lists.text() + " " + older +
                "; use the newest, or restart the node to take this one all the same";
    }
  }
  if (const auto* fresh = std::get_if<std::shared_ptr<const RevocationLists>>(&outcome)) {
    changes_.taken();
    in_use_ = *fresh;
    reminded_at_.reset();
    return Found{in_use_,
                 files_.lists.text() + " has changed and is used from now on; it revokes " +
                     std::to_string(in_use_->revoked_count()) + ", and the next is due on " +
                     format_time(in_use_->next_update()),
                 false};
  }
  if (!changes_.refused()) return std::nullopt;
  return Found{nullptr, std::get<std::string>(outcome) + "; what was read before stays in use", true};
}

// A next update only bounds how old a copy may be that somebody fetched and keeps. A node that stopped
// talking to its peers on that day would take the cluster down, to be told nothing new.
std::optional<RevocationWatch::Found> RevocationWatch::remind(int64_t now) {
  if (!in_use_ || in_use_->next_update() > now) return std::nullopt;
  if (reminded_at_ && now - *reminded_at_ < kRemindEvery) return std::nullopt;
  reminded_at_ = now;
  return Found{nullptr,
               files_.lists.text() + " ran out on " + format_time(in_use_->next_update()) +
                   " and stays in use: what it revokes is refused; sign another with patronusctl tls crl",
               true};
}

}  // namespace patronus::tls
