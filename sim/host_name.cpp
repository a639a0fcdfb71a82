// The name behind which a simulated machine finds the other nodes, where it is not told who they are.
#include "sim/host.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr uint16_t kPeerPort = 7443;
constexpr Duration kLongestLookUp = 300ms;

}  // namespace

Address Host::name_of_nodes() { return {"nodes", kPeerPort}; }

std::string Host::numbered_address(HostId id) { return "10.0.0." + std::to_string(id + 1) + ":7443"; }

// Every node there is has its address there, this one's own too; but a server of names may be out of reach,
// and what it says may be old.
void Host::look_up(const Address&) {
  NameAnswer answer;
  if (!is_healed_ && tape_.chance(150)) {
    answer.failure = "nobody answers";
  } else {
    const uint32_t all = founded_() ? profile_.nodes + profile_.extras : profile_.nodes;
    for (HostId id = 0; id < all; ++id) {
      if (is_healed_ || !tape_.chance(80)) answer.addresses.push_back(numbered_address(id));
    }
  }
  events_.after(delays_.between(1ms, kLongestLookUp), [this, process = process_, answer] {
    run(process, [answer](Driver& driver) { driver.looked_up(NameAnswer(answer)); });
  });
}

}  // namespace patronus::sim
