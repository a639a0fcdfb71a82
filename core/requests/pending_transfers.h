// The requests for another leader that this node's operators wait for. Whoever leads is asked, again and
// again until the log shows that the wish came true, a leader refuses, or the time is up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "core/requests/request.h"

namespace patronus {

struct PendingTransfer {
  ClientTransfer wish;
  NodeId old_leader;
  Term old_term;
  Instant began;
  Instant next_ask;

  // True if this leader is what was wished for.
  bool is_met_by(const NodeId& leader, Term term) const {
    if (term <= old_term) return false;
    return wish.target.empty() ? leader != old_leader : leader == wish.target;
  }
};

class PendingTransfers {
 public:
  // Tickets come from this boot's range: a refusal for a request of a former boot must not pass for one of
  // this.
  void set_boot(uint64_t boot) { ticket_ = boot << limits::kSequenceBitsPerBoot; }

  bool has_room() const { return pending_.size() < limits::kTransfersInFlightMax; }
  size_t size() const { return pending_.size(); }
  bool empty() const { return pending_.empty(); }
  // Takes in a wish, to be asked for at once. The caller asks for room first.
  void add(ClientTransfer wish, const NodeId& leader, Term term, Instant now);

  // The ticket of a wish that is not met by this leader and is to be asked for now, or nothing; it is asked
  // for again after kTransferRetry.
  std::optional<uint64_t> take_due(const NodeId& leader, Term term, Instant now);
  const PendingTransfer& at(uint64_t ticket) const { return pending_.at(ticket); }
  // Done with. Nothing if nobody waits for it.
  std::optional<PendingTransfer> resolve(uint64_t ticket);
  // One that this leader, whose first entry is applied, meets; or one whose time is up.
  std::optional<PendingTransfer> take_met(const NodeId& leader, Term term);
  std::optional<PendingTransfer> take_expired(Instant now);

  Instant deadline() const;

 private:
  uint64_t ticket_ = 0;
  std::map<uint64_t, PendingTransfer> pending_;
};

}  // namespace patronus
