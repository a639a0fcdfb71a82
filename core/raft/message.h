// What nodes say to each other. Every message carries the sender's term and cluster; who sent it is known
// from the link it came over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/artefact.h"
#include "core/base/bytes.h"
#include "core/base/protocol.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "core/raft/cause.h"
#include "core/raft/entry.h"
#include "core/raft/log_room.h"
#include "core/raft/transfer_failure.h"

namespace patronus {

// Would you vote for me in next_term? Changes nothing at the voter (Ongaro's thesis, section 9.6).
struct PreVoteRequest {
  Term next_term;
  Index last_index;
  Term last_term;
};
struct PreVoteResponse {
  Term next_term;  // of the request
  bool granted = false;
};
// RequestVote (Raft paper, figure 2), for the term of the message.
struct VoteRequest {
  Index last_index;
  Term last_term;
  bool transfer = false;  // the leader asked for this election, so a voter need not be loyal to it
};
struct VoteResponse {
  bool granted = false;
  WallTime wall;  // so that a new leader knows at once whether its clock is in line with its voters'
};
// AppendEntries (figure 2). Without entries it tells the commit index, or probes.
struct AppendRequest {
  Index prev_index;
  Term prev_term;
  Index commit;
  std::vector<Entry> entries;
};
struct AppendResponse {
  bool success = false;
  Index match;       // success: the follower has all up to here on disk
  Index prev_index;  // of the request
  // Refusal: the last place at or before prev_index at which the follower's term is not above prev_term.
  Index hint_index;
  Term hint_term;
};
// How the leader sees one member, for the status pages of all nodes.
struct MemberView {
  NodeId id;
  bool healthy = false;
  Index match;
  Index applied;
  int64_t last_contact_ms = 0;
  bool draining = false;
  LogRoom room = LogRoom::kUnknown;
  DiskLife disk;  // life 0: not known
};
// Sent at an interval and whenever reads wait for a round (thesis, section 6.4).
struct Heartbeat {
  Round round;
  Index commit;  // at most what the receiver is known to have
  Index leader_commit;
  Stamp stamp;  // the leader's clocks as an entry would carry them now
  // A reading of the receiver's own monotonic clock that a majority has confirmed to be older than this
  // leadership's last proof: whoever has applied fresh_commit knows all that was committed before then. 0: no
  // such reading yet.
  Instant fresh_as_of;
  Index fresh_commit;
  std::vector<MemberView> members;
};
struct HeartbeatResponse {
  Round round;
  Index applied;
  WallTime wall;
  Instant clock;          // the sender's monotonic clock, for the leader to echo
  bool draining = false;  // the sender is about to leave: no leadership for it
  uint8_t priority = 0;   // how much the operator would like it to lead
  uint32_t write_us = 0;  // what a write to its log takes of late, in microseconds; 0: not known
  Index durable;          // its log is on its disk up to here
  LogRoom room = LogRoom::kUnknown;
  DiskLife disk;   // the sender's own; life 0: not said
  DiskLife known;  // what it has on its disk of the leader's
};
// The leader hands over (thesis, section 3.10): the receiver has all of its log and shall ask for votes now.
struct TimeoutNow {
  LeaderCause cause = LeaderCause::kTransfer;
};
// Writes of the sender's clients, each an encoded command. There is no answer: the sender sees its
// sequence numbers come by when it applies the log.
struct ForwardWrites {
  std::vector<Blob> commands;
};
enum class Refusal : uint8_t { kBusy = 1, kFull = 2, kWouldBreakQuorum = 3, kLeads = 4 };
// The leader did not take these writes into its log, and will not by itself.
struct WritesRefused {
  Refusal why = Refusal::kBusy;
  std::vector<uint64_t> sequences;
};
// An operator at the sender wants another leader: the target, or whoever is best suited if none is named. It
// speaks of the leader of the message's term and of no other. There is no answer but a refusal: the sender
// sees the next leader's first entry come by.
struct TransferRequest {
  uint64_t ticket = 0;
  NodeId target;
  LeaderCause cause = LeaderCause::kForced;
};
struct TransferRefused {
  uint64_t ticket = 0;
  TransferFailure why = TransferFailure::kNobody;
};
struct ReadIndexRequest {
  uint64_t ticket = 0;
};
struct ReadIndexResponse {
  uint64_t ticket = 0;
  Index index;
};

// The sender's committed configuration, of this index, does not have the receiver's data directory.
struct NotMember {
  Index configuration_index;
  bool removed = false;  // the replicated state names it as one that was taken out, for good
};

// The leader's log begins after what the receiver has: here is the whole state.
struct OfferArtefact {
  Artefact artefact;
};
// The part of it that begins here, please; all have the same size but the last.
struct FetchPart {
  Artefact artefact;
  uint64_t offset = 0;
};
// Without bytes: the sender does not have that artefact (any more).
struct ArtefactPart {
  Artefact artefact;
  uint64_t offset = 0;
  Blob bytes;
};

// The receiver's disk is older than it was when the sender dealt with it: it has forgotten what others count
// on.
struct DiskWentBack {};

using MessageBody =
    std::variant<PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse, AppendRequest, AppendResponse,
                 Heartbeat, HeartbeatResponse, ForwardWrites, WritesRefused, ReadIndexRequest,
                 ReadIndexResponse, TimeoutNow, TransferRequest, TransferRefused, NotMember, OfferArtefact,
                 FetchPart, ArtefactPart, DiskWentBack>;

struct Message {
  ClusterId cluster_id;
  Term term;
  MessageBody body;
};

// True for what a candidate or a leader says of its own accord; the rest answers, or is the nodes' business.
bool is_request(const MessageBody& body);
// True for what the node deals with before it passes a message on to consensus.
bool is_of_the_node(const MessageBody& body);

// The names of the kinds, in their order; for logs and traces.
inline constexpr size_t kMessageKinds = std::variant_size_v<MessageBody>;
[[nodiscard]] std::string_view message_kind_name(size_t kind);
// The name of the message's kind.
std::string_view message_name(const Message& message);

// In the version of the protocol that both ends speak.
void encode_message(std::string& out, const Message& message, protocol::Version version = protocol::kNewest);
// Nothing if the bytes are not exactly one valid message. Entries of an append are consecutive after
// prev_index, with terms that do not fall and are not above the message's: that is checked here.
[[nodiscard]] std::optional<Message> decode_message(std::string_view bytes,
                                                    protocol::Version version = protocol::kNewest);

}  // namespace patronus
