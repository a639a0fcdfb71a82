#include "io/peer_name.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"

namespace patronus {

PeerName::PeerName(Address name)
    : name_(std::move(name)), interval_(limits::kNameInterval), fault_(name_.host + " is being looked up") {}

bool PeerName::ask(Instant now) {
  if (under_way_ || now < deadline()) return false;
  under_way_ = true;
  is_late_ = false;
  asked_ = now;
  asked_before_ = true;
  hurried_ = false;
  return true;
}

void PeerName::set_missing(bool missing) {
  if (missing && !missing_) hurry();
  missing_ = missing;
}

void PeerName::hurry() {
  hurried_ = true;
  interval_ = limits::kNameInterval;
}

Instant PeerName::deadline() const {
  if (!asked_before_) return Instant{};
  if (under_way_) return is_late_ ? Instant::never() : asked_ + limits::kNamePatience;
  if (hurried_) return asked_ + limits::kNameInterval;
  return asked_ + (missing_ || !fault_.empty() ? interval_ : limits::kNameIntervalIdle);
}

void PeerName::answered(NameAnswer&& answer, Instant now) {
  under_way_ = false;
  interval_ = std::min<Duration>(interval_ * 2, limits::kNameIntervalMax);
  if (answer.failure.empty() && answer.addresses.empty()) answer.failure = "it has no address";
  if (!answer.failure.empty()) {
    complain(name_.host + " does not lead to any node: " + answer.failure, now);
    return;
  }
  std::sort(answer.addresses.begin(), answer.addresses.end());
  answer.addresses.erase(std::unique(answer.addresses.begin(), answer.addresses.end()),
                         answer.addresses.end());
  const size_t count = answer.addresses.size();
  const auto before = addresses_;
  keep(std::move(answer.addresses), now);
  const bool same = std::equal(before.begin(), before.end(), addresses_.begin(), addresses_.end(),
                               [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!same) interval_ = limits::kNameInterval;
  if (!same || (fault_was_told_ && count <= limits::kNameAddressesMax)) tell_addresses();
  if (count > limits::kNameAddressesMax) {
    complain(name_.host + " has " + std::to_string(count) + " addresses, of which " +
                 std::to_string(limits::kNameAddressesMax) +
                 " are dialled; give PATRONUS_PEERS a name of this cluster's nodes alone",
             now);
  } else {
    fault_.clear();
    fault_was_told_ = false;
  }
}

// What was not answered this time gives way to what was.
void PeerName::keep(std::vector<std::string>&& answer, Instant now) {
  if (answer.size() > limits::kNameAddressesMax) answer.resize(limits::kNameAddressesMax);
  std::map<std::string, Instant> kept;
  for (std::string& address : answer) kept.emplace(std::move(address), now);
  std::vector<std::pair<Instant, std::string>> former;
  for (const auto& [address, last] : addresses_) {
    if (!kept.contains(address) && now - last < limits::kNameAddressKept) former.emplace_back(last, address);
  }
  std::stable_sort(former.begin(), former.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [last, address] : former) {
    if (kept.size() < limits::kNameAddressesMax) kept.emplace(std::move(address), last);
  }
  addresses_ = std::move(kept);
}

// A fault that lasts gets one line; one that changes, or comes and goes, another once in a while.
void PeerName::complain(std::string what, Instant now) {
  const bool lately = !told_fault_.empty() && now - told_at_ < limits::kNameComplaintPause;
  const bool known = fault_was_told_ && what == told_fault_;
  fault_ = what;
  if (known || lately) return;
  notices_.push_back({NoticeKind::kNameFault, what});
  told_fault_ = std::move(what);
  told_at_ = now;
  fault_was_told_ = true;
}

void PeerName::tell_addresses() {
  std::string all;
  for (const auto& [address, last] : addresses_) all += (all.empty() ? "" : ", ") + address;
  notices_.push_back({NoticeKind::kName, name_.host + " leads to " + all});
}

std::vector<Notice> PeerName::take_notices(Instant now) {
  if (under_way_ && !is_late_ && now - asked_ >= limits::kNamePatience) {
    is_late_ = true;
    complain(name_.host + " is looked up, and no answer comes", now);
  }
  return std::exchange(notices_, {});
}

}  // namespace patronus
