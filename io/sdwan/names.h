// Where endpoints are: addresses of numbers at once, names by look-ups that are done elsewhere, and
// remembered for a while. A name that was found stays good, while no new answer comes, for kProbeNameTrusted.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "io/ports.h"
#include "io/sdwan/udp_address.h"

namespace patronus::sdwan {

class Names {
 public:
  // A look-up is to be begun; answered() with the same slot, from 0 to kProbeLookUpsMax - 1, ends it.
  using Ask = std::function<void(size_t slot, const Address& name)>;
  // Remembers at most so many names. Addresses of a family that can't be sent to are passed over.
  Names(size_t names_max, bool v4, bool v6, Ask ask);

  struct Found {
    std::optional<UdpAddress> address;
    bool failed = false;  // there is none; else, without an address, it is being looked up
  };
  [[nodiscard]] Found find(const std::string& address, Instant now);
  void answered(size_t slot, const NameAnswer& answer, Instant now);

  size_t size() const { return names_.size(); }

 private:
  struct Name {
    Address asked;
    std::optional<UdpAddress> address;
    Instant found;  // when it was
    Instant next;   // it is looked up again
    Instant used;
    bool is_waited_for = false;
    bool failed = false;
  };

  bool may_send_to(const UdpAddress& address) const { return address.is_v6 ? v6_ : v4_; }
  void ask_next();
  void forget_unused(Instant now);

  size_t names_max_;
  bool v4_;
  bool v6_;
  Ask ask_;
  std::map<std::string, Name, std::less<>> names_;
  std::deque<std::string> waiting_;
  std::array<std::optional<std::string>, limits::kProbeLookUpsMax> asking_;
};

}  // namespace patronus::sdwan
