// What happens to the core.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/limits.h"
#include "core/base/protocol.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/entry.h"
#include "core/raft/log_room.h"
#include "core/raft/message.h"
#include "core/requests/request.h"
#include "core/state/store.h"

namespace patronus {

// How often the state is written to its image: when so much of the log was applied since, or this time after
// something was.
struct CheckpointPace {
  size_t bytes = limits::kCheckpointBytes;
  Duration interval = limits::kCheckpointInterval;
  size_t piece_rows = limits::kCheckpointPieceRows;  // at least 1: how long the loop may pause
};
// What of the log is kept although the image holds what it made (core/raft/cutting.cpp).
struct LogRetention {
  size_t tail_bytes = limits::kLogTailBytes;
  size_t tail_entries = limits::kLogTailEntries;
  size_t bytes_max = limits::kLogRetainedBytesMax;
};

// Everything a node is told once, when it starts.
struct Boot {
  NodeId id;
  Incarnation incarnation;
  std::string peer_address;
  std::string api_address;
  Duration election_timeout{};
  Duration heartbeat_interval{};
  // For measuring beside the Raft paper: elections as there, without pre-vote, with timeouts of followers and
  // candidates alike drawn from a window of this width above the election timeout.
  std::optional<Duration> paper_elections;
  uint8_t leader_priority = 0;    // how much the operator would like this node to lead; 0 to 100
  size_t founding_nodes = 1;      // all of them must be present and empty to found a cluster
  bool founding_by_name = false;  // who they are is not listed: a name leads to them
  Duration leave_grace{};         // so long one that is taken out still serves, unready, before it goes
  bool probes = false;            // the shell has an SD-WAN engine, and says each second that it turns
  bool auto_join = true;  // an empty node that comes to the door is admitted without an operator's word
  // This node's disk was damaged and has been set aside: it has nothing, founds nothing, and joins no cluster
  // but the one that it belonged to, if that is known.
  bool rebuilds = false;
  ClusterId lost_cluster;
  // The cluster that this node belonged to is lost: it founds this one from what it has, alone.
  std::optional<ClusterId> founds_anew;
  bool state_refused =
      false;  // what was fetched before this boot was of no use; the next is not fetched soon
  protocol::Version protocol = protocol::kNewest;       // the highest to speak, as the operator wants it
  bool has_database = false;                            // rows are copied to the dashboard's database
  uint64_t seed = 0;                                    // for this boot's randomness
  Duration life_interval = limits::kLifeInterval;       // how often a new life begins while it runs
  size_t persist_bytes_max = limits::kPersistBytesMax;  // of one piece of a long append
  CheckpointPace pace;
  LogRetention retention;
  LogReserve log_reserve = patronus::log_reserve(limits::kWalSegmentBytes);
  HardState hard;  // what recovery found on disk
  Store state;     // as the image holds it
  // Those after the state, without a gap, and it may be some before; judge_boot() has found that they fit.
  std::vector<Entry> entries;
};

// Who the other end of a link says it is.
struct PeerIdentity {
  NodeId id;
  Incarnation incarnation;
  ClusterId cluster_id;  // zero: belongs to none, has nothing
  std::string peer_address;
  std::string api_address;
  std::string version;
  bool rebuilds = false;  // has nothing although it belonged to a cluster: that one, if it is known
  uint64_t boot = 0;      // how often this data directory was booted
  uint64_t process = 0;   // tells processes of the same life apart
  protocol::Version protocol = protocol::kNewest;  // the highest it speaks
  std::vector<ClusterId> former{};                 // clusters that were lost, and that this one goes on from
  uint64_t life = 0;                               // of its data directory; 0: not said
  std::vector<uint64_t> processes{};               // that have been in this life

  friend bool operator==(const PeerIdentity&, const PeerIdentity&) = default;
};

enum class LinkEnd : uint8_t { kGoodbye, kEndOfFile, kReset, kRefused, kTimeout, kProtocol };

// A link on which this node can send is there.
struct LinkUp {
  PeerIdentity peer;
};
struct LinkLost {
  NodeId peer;
  LinkEnd how = LinkEnd::kReset;
};
// The peer's process has ended: its streams did, both ways, and its machine refused a new one at once. A
// hint.
struct PeerGone {
  NodeId peer;
  bool on_purpose = false;  // it had said goodbye
};
struct PeerMessage {
  NodeId from;
  Incarnation incarnation;
  Message message;
};
// The write with this id, and all before it, are on disk.
struct WriteDone {
  PersistId id;
  Duration took{};
};
// The piece of a checkpoint given last was taken; if it was the end of one, that is durable.
struct CheckpointTaken {};
// The piece for the dashboard's database given last was taken; if it was an end, the transaction is done.
struct Projected {
  uint64_t opening = 0;
};
// How the dashboard's database is, as its thread has found out.
enum class DatabaseState : uint8_t {
  kOpened,   // there is one, with whatever it may hold; it is to be filled
  kSound,    // nothing is wrong with it
  kDamaged,  // it can't be used; another one is on its way
  kLags      // its disk is full, or somebody holds its lock: it is behind, and that harms nobody here
};
struct DatabaseReport {
  DatabaseState state = DatabaseState::kSound;
  uint64_t opening = 0;  // of one that is opened: what has been done with the one before does not concern it
  std::string reason;    // of what is wrong
};
// The artefact that was to be made is there; or could not be made.
struct ArtefactMade {
  std::optional<Artefact> artefact;
  std::string failure;
};
// The image does not hold what was written to it, as was found when a copy of it was wanted.
struct ImageDamaged {
  std::string reason;
};
// The part of the artefact under way that begins here was written; or could not be.
struct PartKept {
  uint64_t offset = 0;
  std::string failure;
};
// The cluster that this node belongs to was given up: another node has founded a new one from what it had of
// it.
struct ClusterGivenUp {
  NodeId by;
  ClusterId goes_on_as;
};
// Another node's stream came in and it said who it is; or its last stream ended.
struct VisitorCame {
  PeerIdentity visitor;
};
struct VisitorLeft {
  NodeId visitor;
};
// How far the search for the nodes behind a name is: what it waits for, in words; empty once every address is
// known to be a node's that is linked, this node's own, or nobody's.
struct PeersSought {
  std::string waits_for;
};
// This node shall leave, or after all not: it goes unready, hands leadership over and takes none.
struct Drain {
  bool on = true;
};
// Nothing but time.
struct Wake {};

using Event = std::variant<LinkUp, LinkLost, PeerGone, VisitorCame, VisitorLeft, PeersSought, ClusterGivenUp,
                           PeerMessage, WriteDone, CheckpointTaken, Projected, DatabaseReport, ArtefactMade,
                           ImageDamaged, PartKept, ClientWrite, ClientRead, ClientTransfer, Drain, Wake>;

}  // namespace patronus
