// Read index (thesis, section 6.4): the leader notes its commit index, makes sure by one round of heartbeats
// that it still leads, and the read may be served once that index is applied. All reads that wait share a
// round.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "core/base/types.h"

namespace patronus {

// Who asked: this node's own readers, or a follower with its ticket.
struct ReadTicket {
  NodeId peer;  // empty: this node
  uint64_t ticket = 0;
};
struct ReadReady {
  ReadTicket ticket;
  Index index;
};

class ReadRounds {
 public:
  void wait(ReadTicket ticket) { waiting_.push_back(std::move(ticket)); }
  bool anyone_waits() const { return !waiting_.empty(); }
  bool under_way() const { return !confirming_.empty(); }
  size_t size() const { return waiting_.size() + confirming_.size(); }
  // The last round begun, and the one that confirms the reads under way.
  Round round() const { return round_; }
  Round wanted() const { return wanted_; }

  // Begins a round that no read waits for.
  void next_round() { round_ = round_.next(); }
  // Everyone who waits joins a new round, at this commit index.
  void start(Index commit) {
    next_round();
    wanted_ = round_;
    read_index_ = commit;
    confirming_.insert(confirming_.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  // The round was confirmed by a majority.
  std::vector<ReadReady> finish() {
    std::vector<ReadReady> ready;
    ready.reserve(confirming_.size());
    for (ReadTicket& ticket : confirming_) ready.push_back({std::move(ticket), read_index_});
    confirming_.clear();
    return ready;
  }
  // Leadership ended.
  std::vector<ReadTicket> fail() {
    std::vector<ReadTicket> all = std::move(confirming_);
    all.insert(all.end(), waiting_.begin(), waiting_.end());
    confirming_.clear();
    waiting_.clear();
    return all;
  }

 private:
  Round round_;
  Round wanted_;
  Index read_index_;
  std::vector<ReadTicket> confirming_;
  std::vector<ReadTicket> waiting_;
};

}  // namespace patronus
