// The reads this node's clients wait for. A linearizable read first needs an index from the leader; all reads
// that wait at the same moment share one question. Then, as a stale read with a wanted revision, it waits
// until this node has applied that far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "core/requests/request.h"

namespace patronus {

class PendingReads {
 public:
  // Tickets come from this boot's range: an answer to a question of a former boot must not pass for one of
  // this.
  void set_boot(uint64_t boot) { ticket_ = boot << limits::kSequenceBitsPerBoot; }
  uint64_t ticket() const { return ticket_; }

  bool has_room() const;
  void add(ClientRead read);

  // True if reads wait for an index and no question is under way.
  bool wants_index() const { return !asked_ && !unasked_.empty(); }
  // Everyone without an index joins a question; the ticket names it.
  uint64_t ask(Instant now);
  bool asked() const { return asked_; }
  Instant asked_at() const { return asked_at_; }
  // The question got lost: those who wait for it are asked for again.
  void unask();
  // The answer; an answer to another question is ignored.
  void answered(uint64_t ticket, Index index);

  // A read that may be served now that `applied` is, or nothing.
  std::optional<ClientRead> take_ready(Index applied);
  struct Expired {
    ClientRead read;
    bool has_index = false;
  };
  std::optional<Expired> take_expired(Instant now);

  Instant deadline() const { return deadlines_.empty() ? Instant::never() : deadlines_.begin()->first; }
  size_t size() const { return reads_.size(); }

 private:
  struct Waiting {
    ClientRead read;
    std::optional<Index> needs;  // applied up to here
  };

  void set_index(uint64_t id, Index index);

  uint64_t next_id_ = 1;
  uint64_t ticket_ = 0;
  bool asked_ = false;
  Instant asked_at_;
  std::map<uint64_t, Waiting> reads_;
  std::vector<uint64_t> unasked_;
  std::vector<uint64_t> in_question_;
  std::set<std::pair<Index, uint64_t>> by_index_;
  std::set<std::pair<Instant, uint64_t>> deadlines_;
};

}  // namespace patronus
