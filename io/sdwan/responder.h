// A site's end of the probes: answers those that were made with the site's key, sends on those that are for
// another site and measures how long that one's answer takes. It knows no socket and no clock: its owner is
// its world.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "io/auth/hmac.h"
#include "io/ports.h"
#include "io/protocol/probe.h"
#include "io/sdwan/names.h"
#include "io/sdwan/udp_address.h"

namespace patronus::sdwan {

class ResponderWorld {
 public:
  virtual ~ResponderWorld() = default;
  virtual Instant now() = 0;
  [[nodiscard]] virtual Sent send(const UdpAddress& to, std::string_view datagram) = 0;
  // Answered by looked_up() with the same slot.
  virtual void look_up(size_t slot, const Address& name) = 0;
};

struct ResponderOptions {
  std::string site;
  std::string key;  // probe::kKeyBytes
  bool v4 = true;   // which families can be sent to
  bool v6 = true;
};

struct ResponderCounts {
  uint64_t probes = 0;    // that were answered
  uint64_t forwards = 0;  // sent on to other sites
  uint64_t answered = 0;  // of those, answers that came back in time
  uint64_t timed_out = 0;
  uint64_t refused = 0;   // not sent on: no room, or no such address
  uint64_t forged = 0;    // not made with the site's key, or no probes at all
  uint64_t replayed = 0;  // came a second time
  uint64_t malformed = 0;
  uint64_t stray = 0;  // answers that nobody waits for
  uint64_t unsent = 0;

  friend bool operator==(const ResponderCounts&, const ResponderCounts&) = default;
};

class Responder {
 public:
  Responder(ResponderOptions options, ResponderWorld& world);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void received(const UdpAddress& from, std::string_view datagram);
  void looked_up(size_t slot, const NameAnswer& answer);
  // Gives up what has waited too long.
  void wake();
  // When wake() has something to do.
  Instant deadline() const { return order_.empty() ? Instant::never() : order_.front().first; }

  const ResponderCounts& counts() const { return counts_; }
  size_t waiting() const { return forwards_.size(); }

 private:
  struct Forward {
    UdpAddress back;   // who asked
    probe::Head head;  // of what was asked
    std::string address;
    std::string probe;  // not sent on yet, since its address is being looked up; else empty
    Instant began;
    Instant sent;
  };
  using Forwards = std::map<probe::Nonce, Forward>;  // by the inner probe's nonce

  void on_path_probe(const UdpAddress& from, const probe::Head& head, std::string_view datagram);
  void on_answer(const probe::Head& head, std::string_view datagram);
  // Unless its address is not known yet.
  void send_on(Forwards::iterator at);
  void conclude(Forwards::iterator at, const probe::PathAnswer& answer);
  void answer_path(const UdpAddress& to, const probe::Head& head, const probe::PathAnswer& answer);
  void send(const UdpAddress& to, std::string_view datagram);
  bool is_replayed(const probe::Nonce& nonce);

  struct HashNonce {
    // Nonces are made of chance, and only those of who has the key get here.
    size_t operator()(const probe::Nonce& nonce) const {
      size_t hash = 0;
      static_assert(sizeof(hash) <= probe::kNonceBytes);
      std::memcpy(&hash, nonce.data(), sizeof(hash));
      return hash;
    }
  };

  ResponderOptions options_;
  ResponderWorld& world_;
  auth::HmacSha256 hmac_;
  Names names_;
  Forwards forwards_;
  std::deque<std::pair<Instant, probe::Nonce>> order_;  // when they time out
  std::unordered_set<probe::Nonce, HashNonce> seen_;    // of probes that were taken lately
  std::deque<probe::Nonce> seen_order_;
  ResponderCounts counts_;
};

}  // namespace patronus::sdwan
