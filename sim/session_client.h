// A user with two tabs: logs in, is recognised on every node, refreshes in both tabs at once, logs out, and
// now and then is robbed of an old refresh token. It judges by the rules of sessions:
//   - a session that nobody ended is never refused (503 may be, 401 not), whatever node dies;
//   - two tabs that refresh with the same token both stay logged in;
//   - a refresh gives another refresh token than the one that was presented;
//   - after a session was ended, no node accepts it once its knowledge may at most be from before the end,
//     two election timeouts later.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/any_node.h"
#include "sim/events.h"
#include "sim/exchange.h"
#include "sim/network.h"
#include "sim/profile.h"
#include "sim/tape.h"
#include "sim/trace.h"

namespace patronus::sim {

inline constexpr HostId kFirstSession = 2000;  // two for each user: its tabs

struct SessionCounts {
  uint64_t logins = 0;
  uint64_t checks = 0;
  uint64_t refreshes = 0;
  uint64_t double_refreshes = 0;
  uint64_t logouts = 0;
  uint64_t reuses = 0;
  uint64_t refusals_after_end = 0;
};

class SessionClient {
 public:
  // `setup_token` gives the token that some node printed, empty before.
  SessionClient(uint32_t number, const Profile& profile, Events& events, Tape& tape, Network& network,
                Trace& trace, std::function<std::string()> setup_token);
  SessionClient(const SessionClient&) = delete;
  SessionClient& operator=(const SessionClient&) = delete;

  void start();
  void finish() { finishing_ = true; }
  bool admin_exists() const { return admin_exists_; }
  bool idle() const { return tabs_[0].idle() && tabs_[1].idle(); }
  Exchange& tab(size_t n) { return tabs_[n]; }
  const SessionCounts& counts() const { return counts_; }

 private:
  struct Refreshed {
    bool told = false;  // there was a definite answer
    int status = 0;
    std::string cookie;
    std::string body;
    std::string token;
  };

  void pause();
  void act();
  void make_admin();
  void log_in();
  void check();
  void refresh();
  void refresh_twice();
  void log_out();
  void be_robbed();
  void probe();
  void ended();
  void forget();
  void tell(const char* text);
  Refreshed read_refresh(const std::optional<HttpAnswer>& answer) const;
  void must_rotate(const std::string& presented, const Refreshed& refreshed) const;
  void take(const Refreshed& refreshed);
  void on_refreshed(const Refreshed& refreshed);
  std::string name() const { return "user " + std::to_string(number_); }

  uint32_t number_;
  const Profile& profile_;
  Events& events_;
  Track& tape_;
  AnyNode any_node_;
  Trace& trace_;
  std::function<std::string()> setup_token_;
  Exchange tabs_[2];
  SessionCounts counts_;
  bool finishing_ = false;
  bool admin_exists_ = false;
  std::string token_;      // empty: not logged in
  std::string cookie_;     // the newest refresh token that this client knows of
  std::string stolen_;     // one two generations older
  std::string before_;     // the one before the newest
  bool in_doubt_ = false;  // a write on the session may or may not have happened
  std::optional<Instant> ended_at_;
  uint32_t probes_ = 0;
};

}  // namespace patronus::sim
