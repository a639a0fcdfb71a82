#include "io/sdwan/names.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"

namespace patronus::sdwan {

Names::Names(size_t names_max, bool v4, bool v6, Ask ask)
    : names_max_(names_max), v4_(v4), v6_(v6), ask_(std::move(ask)) {}

Names::Found Names::find(const std::string& address, Instant now) {
  if (const std::optional<UdpAddress> numbers = parse_udp_address(address)) {
    if (!may_send_to(*numbers)) return {std::nullopt, true};
    return {numbers, false};
  }
  auto at = names_.find(address);
  if (at == names_.end()) {
    const std::optional<Address> name = parse_address(address);
    if (!name) return {std::nullopt, true};
    if (names_.size() >= names_max_) forget_unused(now);
    if (names_.size() >= names_max_) return {std::nullopt, true};
    at = names_.emplace(address, Name{*name, {}, {}, now, now, false, false}).first;
  }
  Name& name = at->second;
  name.used = now;
  if (now >= name.next && !name.is_waited_for) {
    name.is_waited_for = true;
    waiting_.push_back(address);
    ask_next();
  }
  return {name.address, name.failed};
}

void Names::ask_next() {
  for (size_t slot = 0; slot < asking_.size() && !waiting_.empty(); ++slot) {
    if (asking_[slot]) continue;
    asking_[slot] = std::move(waiting_.front());
    waiting_.pop_front();
    ask_(slot, names_.at(*asking_[slot]).asked);
  }
}

void Names::answered(size_t slot, const NameAnswer& answer, Instant now) {
  PATRONUS_ASSERT(slot < asking_.size() && asking_[slot], "only what was asked is answered");
  const auto at = names_.find(*std::exchange(asking_[slot], std::nullopt));
  PATRONUS_ASSERT(at != names_.end(), "a name that is waited for is not forgotten");
  Name& name = at->second;
  name.is_waited_for = false;
  std::optional<UdpAddress> found;
  for (const std::string& text : answer.addresses) {
    const std::optional<UdpAddress> one = parse_udp_address(text);
    if (!one || !may_send_to(*one)) continue;
    // The address that was found before is kept while it is among those there are: paths shall not jump
    // about.
    if (!found || one == name.address) found = one;
  }
  if (found) {
    name.address = found;
    name.found = now;
    name.failed = false;
    name.next = now + limits::kProbeNameKept;
  } else {
    if (!name.address || now - name.found > limits::kProbeNameTrusted) {
      name.address.reset();
      name.failed = true;
    }
    name.next = now + limits::kProbeNameRetry;
  }
  ask_next();
}

void Names::forget_unused(Instant now) {
  std::erase_if(names_, [&](const auto& entry) {
    return !entry.second.is_waited_for && now - entry.second.used > limits::kProbeNameKept;
  });
}

}  // namespace patronus::sdwan
