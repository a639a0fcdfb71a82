// What the core wants done. The driver does these in order; an effect with `after` waits until that write is
// on disk, and that is the whole of "durable before visible".
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "core/raft/entry.h"
#include "core/raft/message.h"
#include "core/requests/request.h"

namespace patronus {

// Write to the log on disk, in the order of ids. An entry at an index that was written before replaces that
// one and everything after it. Answered by a WriteDone event.
struct Persist {
  PersistId id;
  std::optional<HardState> hard;
  std::vector<Entry> entries;
};

// Send to a peer, if there is a link to it; otherwise the message is dropped.
struct Send {
  NodeId to;
  Message message;
  PersistId after;
};

// The answer to a client's request; each request gets exactly one.
struct Reply {
  RequestId request;
  Answer answer;
  PersistId after;
};

enum class NoticeKind : uint8_t {
  kFounded,
  kRole,
  kLeaderKnown,
  kLeaderLost,
  kSetupToken,  // there is no user yet, and this token makes the first
  kStranger,    // a peer that does not belong here, or a message that can't be right
};

// Something worth a line in the log; never needed for correctness.
struct Notice {
  NoticeKind kind = NoticeKind::kRole;
  std::string text;
};

// The node can't go on: the driver stops the process with this line.
struct Stop {
  std::string reason;
};

// The cluster has taken this node out: the driver stops the process with this line. Its data directory is of
// no further use.
struct Removed {
  std::string reason;
};

// Give up the link to that peer and dial anew, to learn who is there now.
struct Redial {
  NodeId peer;
};

using Effect = std::variant<Persist, Send, Reply, Notice, Stop, Removed, Redial>;
using Effects = std::vector<Effect>;

}  // namespace patronus
