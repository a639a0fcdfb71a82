// What the core wants done. The driver does these in order; an effect with `after` waits until that write is
// on disk, and that is the whole of "durable before visible".
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/artefact.h"
#include "core/base/types.h"
#include "core/raft/base.h"
#include "core/raft/entry.h"
#include "core/raft/message.h"
#include "core/requests/request.h"
#include "core/state/rows.h"

namespace patronus {

// Write to the log on disk, in the order of ids. An entry at an index that was written before replaces that
// one and everything after it. Answered by a WriteDone event.
struct Persist {
  PersistId id;
  std::optional<HardState> hard;
  std::vector<Entry> entries;
};

// What a checkpoint is of, as the image is to say in the same transaction as the rows.
struct CheckpointEnd {
  Base base;
  uint64_t state_hash = 0;

  friend bool operator==(const CheckpointEnd&, const CheckpointEnd&) = default;
};
// A piece of a checkpoint, for the image of the state: rows that changed since the last one. All pieces up to
// the one with an end are one transaction, which is durable whole or not at all. Answered by CheckpointTaken;
// the next piece comes only then.
struct Checkpoint {
  std::vector<Row> rows;
  std::optional<CheckpointEnd> end;
  bool anew = false;  // of the first piece: there are no rows but those that come
};

// A piece of a copy for the dashboard's database (core/projector.h), all pieces from one that begins to one
// with an end one transaction. Answered by Projected, or by a DatabaseReport that the database is lost; the
// next piece comes only then.
struct Project {
  uint64_t opening = 0;  // of the database that it is for; for any other it means nothing
  bool begins = false;
  bool all = false;       // of a piece that begins: there are no rows but those that come
  std::vector<Row> rows;  // a key with its value; or without, if it is gone
  std::optional<Base> end;
};

// Entries up to this one are needed on disk no longer.
struct CutLog {
  Index through;
};

// Write the state, as the image holds it, to an artefact that SendPart can send parts of; it replaces the one
// before. Answered by an ArtefactMade event.
struct MakeArtefact {};
// Send the peer the part that begins here, or that this node does not have it.
struct SendPart {
  NodeId to;
  Artefact artefact;
  uint64_t offset = 0;
};
// Write a part of the artefact that is fetched; parts of another one are thrown away. Answered by PartKept.
struct KeepPart {
  ArtefactPart part;
};
// All parts were kept: make them durable, end the process, and begin again from that state.
struct InstallArtefact {
  Artefact artefact;
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
  kHandOver,    // leadership is on its way to another node
  kOperator,    // somebody asked for something that changes how the cluster runs
  kSetupToken,  // there is no user yet, and this token makes the first
  kArtefact,    // the whole state goes from one node to another
  kStranger,    // a peer that does not belong here, or a message that can't be right
  kName,        // where the name of the nodes leads
  kNameFault,   // it leads nowhere, or too far
  kImageFault,  // the state's image is damaged
  kDatabase,    // the dashboard's database is filled, or can't be used
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

// This node's data directory must not be used any more: the driver stops, the directory is set aside, and the
// process begins again with nothing.
struct SetAside {
  std::string reason;
  ClusterId cluster;  // that will take it in again
};

// Give up the link to that peer and dial anew, to learn who is there now.
struct Redial {
  NodeId peer;
};

using Effect = std::variant<Persist, Checkpoint, Project, CutLog, MakeArtefact, SendPart, KeepPart,
                            InstallArtefact, Send, Reply, Notice, Stop, Removed, SetAside, Redial>;
using Effects = std::vector<Effect>;

}  // namespace patronus
