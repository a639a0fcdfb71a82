// What a node does for sessions by itself: it gathers which were used, for one entry in a while, and as
// leader proposes their end when their time is over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/state/accounts.h"

namespace patronus {

class SessionKeeper {
 public:
  // The session was used. What was seen lately, or is one too many for an entry, is left out.
  void touch(const Session& session, const Stamp& now);
  // The touches to propose now, or nothing.
  std::optional<TouchSessionsOp> take_touches(Instant now);

  // On the leader: true if an expiry is to be proposed now. Asked at every step.
  bool expiry_is_due(const Accounts& accounts, const Stamp& stamp, Now now);
  // On a follower: it proposes nothing.
  void rest() { next_expiry_ = Instant::never(); }

  // When it wants to be asked again.
  Instant deadline() const;

 private:
  std::set<std::string, std::less<>> touched_;
  Instant next_touch_;                      // no entry of touches before
  Instant next_expiry_ = Instant::never();  // when the first session's time is over, by this leader's clocks
  Instant next_proposal_;                   // no expiry is proposed before
  std::pair<int64_t, int64_t> proposed_for_{-1, -1};  // what was due then, lease and wall time
};

}  // namespace patronus
