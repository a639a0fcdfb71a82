// The writes this node's clients wait for. Each has a sequence number; whoever leads is sent it, again if the
// leader changes, and the log says what became of it: deduplication makes repeating harmless.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/base/types.h"

namespace patronus {

struct PendingWrite {
  RequestId request;
  Blob command;
  Instant deadline;
  Instant sent_at;
  bool sent = false;  // it may be in someone's log
  Term proposed_in;   // this node put it into its own log in this term
};

class PendingWrites {
 public:
  // Numbers come from this boot's range, so that none was ever used before.
  explicit PendingWrites(uint64_t boot);

  // False if the window is full: a new write must be refused.
  bool has_room() const;
  // The number the next write gets, and the lowest that is still waited for.
  uint64_t next_sequence() const { return next_; }
  uint64_t resolved_below() const { return pending_.empty() ? next_ : pending_.begin()->first; }

  // Takes in the write whose command was encoded with next_sequence().
  void add(PendingWrite write);
  PendingWrite* find(uint64_t sequence);
  // The write is done with, whatever its outcome. Nothing if nobody waits for it.
  std::optional<PendingWrite> resolve(uint64_t sequence);
  // One whose deadline has passed, or nothing.
  std::optional<PendingWrite> take_expired(Instant now);
  // In the order of their numbers.
  void for_each(const std::function<void(PendingWrite&)>& visit);

  Instant deadline() const { return deadlines_.empty() ? Instant::never() : deadlines_.begin()->first; }
  size_t size() const { return pending_.size(); }

 private:
  uint64_t next_;
  size_t bytes_ = 0;  // of all commands
  std::map<uint64_t, PendingWrite> pending_;
  std::set<std::pair<Instant, uint64_t>> deadlines_;
};

}  // namespace patronus
