// The nodes behind one DNS name, such as a headless service's: every address it has is taken for a node's.
// Says when the name is to be looked up, which addresses are to be dialled, and what is worth a line in the
// log. Nothing here looks anything up.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/effect.h"
#include "io/config/address.h"
#include "io/ports.h"

namespace patronus {

class PeerName {
 public:
  explicit PeerName(Address name);

  const Address& name() const { return name_; }
  // Those to be dialled, "ip:port": what was answered last, and what was answered a moment before.
  // At most limits::kNameAddressesMax.
  const std::map<std::string, Instant>& addresses() const { return addresses_; }
  bool has(const std::string& address) const { return addresses_.contains(address); }

  // True once the name is to be looked up now; it counts as asked then, and is not due again before
  // answered().
  bool ask(Instant now);
  // Some node is not reached, or all of those known are: that decides how soon the name is looked up again.
  void set_missing(bool missing);
  // Somebody came or went: the next look-up is as soon as may be.
  void hurry();
  Instant deadline() const;

  // Takes an answer. A failure takes no address away: what was known is better than nothing.
  void answered(NameAnswer&& answer, Instant now);
  // What is worth saying since the last call, and of an answer that does not come.
  [[nodiscard]] std::vector<Notice> take_notices(Instant now);
  // Why it is not known who is behind the name, in words; empty while it is.
  const std::string& fault() const { return fault_; }

 private:
  void keep(std::vector<std::string>&& answer, Instant now);
  void complain(std::string what, Instant now);
  void tell_addresses();

  Address name_;
  std::map<std::string, Instant> addresses_;  // and when they were answered last
  bool under_way_ = false;
  bool is_late_ = false;  // and that was complained of
  Instant asked_;
  bool asked_before_ = false;
  bool missing_ = true;
  bool hurried_ = true;
  Duration interval_;
  std::string fault_;
  std::string told_fault_;  // the last one that got a line
  Instant told_at_;
  bool fault_was_told_ = false;  // of the fault that lasts
  std::vector<Notice> notices_;
};

}  // namespace patronus
