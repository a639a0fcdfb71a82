// What a client asks of a node, in the core's terms, and the answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/cause.h"
#include "core/raft/entry.h"
#include "core/raft/transfer_failure.h"
#include "core/state/command.h"

namespace patronus {

struct GetQuery {
  std::string ns;
  std::string key;
};
struct ListQuery {
  std::string ns;
  std::string prefix;
  std::string after_key;  // the cursor: keys greater than this; empty from the beginning
  size_t limit = 0;
  bool keys_only = false;
};
struct HistoryQuery {};
// Nothing but to wait until so much is applied.
struct ReachedQuery {};
using Query = std::variant<GetQuery, ListQuery, HistoryQuery, ReachedQuery>;

struct ListItem {
  std::string key;
  Record record;
};
struct ListPage {
  std::vector<ListItem> items;
  bool more = false;
};

// One change of leader, as every node remembers it.
struct LeaderChange {
  Index index;
  Term term;
  NodeId leader;
  LeaderCause cause = LeaderCause::kStart;
  Stamp stamp;

  friend bool operator==(const LeaderChange&, const LeaderChange&) = default;
};
struct History {
  std::vector<LeaderChange> changes;  // the latest first
  uint64_t total = 0;                 // since founding, with those no longer kept
};

enum class ReadFailure : uint8_t { kNoLeader, kTimeout, kBusy, kRevisionNotReached };

struct ReadResult {
  std::optional<ReadFailure> failure;
  Index revision;  // the state's, as of which this was read
  // Of a stale read: whatever was committed longer ago than this is in it. Nothing: nobody has told this node
  // yet how far the cluster is.
  std::optional<Duration> staleness;
  std::optional<Record> record;
  ListPage page;
  History history;
};

// How leadership changed, or why it did not.
struct TransferResult {
  std::optional<TransferFailure> failure;
  NodeId old_leader;  // as this node knew it when it was asked; empty: none
  NodeId new_leader;  // whose first entry is applied here
  Term term;          // the new leader's
  Duration took{};
};

using Answer = std::variant<WriteResult, ReadResult, TransferResult>;

enum class Consistency : uint8_t { kLinearizable, kStale };

struct ClientWrite {
  RequestId request;  // 0: nobody waits for the answer
  WriteOp op;
  std::optional<IdempotencyKey> idempotency;
  Instant deadline;
  std::optional<Authority> authority = std::nullopt;
};
struct ClientRead {
  RequestId request;
  Query query;
  Consistency consistency = Consistency::kLinearizable;
  Index min_revision;
  Instant deadline;
};
// Another leader is wanted: the target, or if none is named whoever is best suited.
struct ClientTransfer {
  RequestId request;
  NodeId target;
  std::string by;  // who wants it, for the node's log
  Instant deadline;
};

}  // namespace patronus
