// The addresses that a name leads to, as places to dial.
#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "io/peer_links.h"

namespace patronus {

void PeerLinks::pursue_name(Instant now) {
  if (!name_) return;
  drop_unnamed(now);
  const bool any = std::any_of(slots_.begin(), slots_.end(),
                               [](const auto& one) { return one.second.origin == Origin::kNamed; });
  name_->set_missing(!any || std::any_of(slots_.begin(), slots_.end(), [&](const auto& one) {
    const Slot& slot = one.second;
    return slot.state != State::kOpen && !slot.is_self && !rests(slot, now);
  }));
  for (const Notice& notice : name_->take_notices(now)) ports_.log(notice);
  if (name_->ask(now)) ports_.look_up(name_->name());
}

void PeerLinks::looked_up(NameAnswer&& answer, Instant now) {
  if (!name_) return;
  name_->answered(std::move(answer), now);
  for (const auto& [address, last] : name_->addresses()) {
    const bool known = std::any_of(slots_.begin(), slots_.end(), [&](const auto& one) {
      return one.second.origin == Origin::kNamed && one.second.peer.address == address;
    });
    if (!known) add({NodeId{}, address}, Origin::kNamed, now);
  }
  pursue_name(now);
}

// Places that the name leads to no longer. A link that stands is kept, whatever the name says: its node is
// there.
void PeerLinks::drop_unnamed(Instant now) {
  std::vector<size_t> obsolete;
  for (const auto& [index, slot] : slots_) {
    const bool is_probed = !slot.lost.empty() && !is_linked(slot.lost);
    const bool in_use = slot.state == State::kOpen || is_probed;
    if (slot.origin == Origin::kNamed && !in_use && !name_->has(slot.peer.address)) obsolete.push_back(index);
  }
  for (const size_t index : obsolete) {
    if (slots_.at(index).conn != 0) drop(slots_.at(index).conn, LinkEnd::kTimeout, now);
    slots_.erase(index);
  }
}

// It is known whose the address is, or that for a while nobody's: a node that is there would have answered.
bool PeerLinks::is_settled(const Slot& slot, Instant now) const {
  const bool is_second = !slot.seen.empty() && is_linked(slot.seen, &slot);
  const bool is_nobodys = slot.was_tried && now - slot.missed_since >= limits::kFoundingPatience;
  return slot.state == State::kOpen || slot.is_self || is_second || is_nobodys;
}

std::string PeerLinks::sought(Instant now) const {
  if (!name_) return "";
  if (!name_->fault().empty()) return name_->fault();
  for (const auto& [index, slot] : slots_) {
    if (slot.origin == Origin::kNamed && !is_settled(slot, now))
      return name_->name().host + " leads to " + slot.peer.address + ", where nobody has answered yet";
  }
  return "";
}

}  // namespace patronus
