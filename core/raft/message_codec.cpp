#include <algorithm>

#include "core/base/limits.h"
#include "core/raft/message.h"

namespace patronus {
namespace {

constexpr size_t kForwardedPerMessageMax = limits::kWritesInFlightMax;

void put(Writer& out, const PreVoteRequest& m) {
  out.u64(m.next_term.value);
  out.u64(m.last_index.value);
  out.u64(m.last_term.value);
}
void put(Writer& out, const PreVoteResponse& m) {
  out.u64(m.next_term.value);
  out.boolean(m.granted);
}
void put(Writer& out, const VoteRequest& m) {
  out.u64(m.last_index.value);
  out.u64(m.last_term.value);
  out.boolean(m.transfer);
}
void put(Writer& out, const VoteResponse& m) {
  out.boolean(m.granted);
  out.i64(m.wall.unix_ms);
}
void put(Writer& out, const AppendRequest& m) {
  out.u64(m.prev_index.value);
  out.u64(m.prev_term.value);
  out.u64(m.commit.value);
  out.u32(static_cast<uint32_t>(m.entries.size()));
  for (const Entry& entry : m.entries) encode(out, entry);
}
void put(Writer& out, const AppendResponse& m) {
  out.boolean(m.success);
  out.u64(m.match.value);
  out.u64(m.prev_index.value);
  out.u64(m.hint_index.value);
  out.u64(m.hint_term.value);
}
void put(Writer& out, const Heartbeat& m, protocol::Version version) {
  out.u64(m.round.value);
  out.u64(m.commit.value);
  out.u64(m.leader_commit.value);
  out.i64(m.stamp.lease_ms);
  out.i64(m.stamp.wall_ms);
  out.i64(m.fresh_as_of.ns);
  out.u64(m.fresh_commit.value);
  out.u32(static_cast<uint32_t>(m.members.size()));
  for (const MemberView& member : m.members) {
    out.bytes(member.id);
    out.boolean(member.healthy);
    out.u64(member.match.value);
    out.u64(member.applied.value);
    out.i64(member.last_contact_ms);
    out.boolean(member.draining);
    if (version >= protocol::kLogRoom) out.u8(static_cast<uint8_t>(member.room));
    if (version >= protocol::kDiskLives) encode(out, member.disk);
  }
}
void put(Writer& out, const HeartbeatResponse& m, protocol::Version version) {
  out.u64(m.round.value);
  out.u64(m.applied.value);
  out.i64(m.wall.unix_ms);
  out.i64(m.clock.ns);
  out.boolean(m.draining);
  out.u8(m.priority);
  out.u32(m.write_us);
  out.u64(m.durable.value);
  if (version >= protocol::kLogRoom) out.u8(static_cast<uint8_t>(m.room));
  if (version < protocol::kDiskLives) return;
  encode(out, m.disk);
  encode(out, m.known);
}
void put(Writer& out, const TimeoutNow& m) { out.u8(static_cast<uint8_t>(m.cause)); }
void put(Writer& out, const TransferRequest& m) {
  out.u64(m.ticket);
  out.bytes(m.target);
  out.u8(static_cast<uint8_t>(m.cause));
}
void put(Writer& out, const TransferRefused& m) {
  out.u64(m.ticket);
  out.u8(static_cast<uint8_t>(m.why));
}
void put(Writer& out, const NotMember& m) {
  out.u64(m.configuration_index.value);
  out.boolean(m.removed);
}
void put(Writer& out, const Artefact& artefact) {
  out.u64(artefact.index.value);
  out.u64(artefact.hash);
  out.u64(artefact.bytes);
}
void put(Writer& out, const OfferArtefact& m) { put(out, m.artefact); }
void put(Writer& out, const FetchPart& m) {
  put(out, m.artefact);
  out.u64(m.offset);
}
void put(Writer& out, const ArtefactPart& m) {
  put(out, m.artefact);
  out.u64(m.offset);
  out.bytes(m.bytes.view());
}
void put(Writer&, const DiskWentBack&) {}
void put(Writer& out, const ForwardWrites& m) {
  out.u32(static_cast<uint32_t>(m.commands.size()));
  for (const Blob& command : m.commands) out.bytes(command.view());
}
void put(Writer& out, const WritesRefused& m) {
  out.u8(static_cast<uint8_t>(m.why));
  out.u32(static_cast<uint32_t>(m.sequences.size()));
  for (const uint64_t sequence : m.sequences) out.u64(sequence);
}
void put(Writer& out, const ReadIndexRequest& m) { out.u64(m.ticket); }
void put(Writer& out, const ReadIndexResponse& m) {
  out.u64(m.ticket);
  out.u64(m.index.value);
}

MessageBody get_append(Reader& in, Term message_term) {
  AppendRequest m;
  m.prev_index = Index{in.u64()};
  m.prev_term = Term{in.u64()};
  m.commit = Index{in.u64()};
  const size_t count = in.count(limits::kAppendEntriesMax, Entry::kHeaderBytes);
  m.entries.reserve(count);
  if (m.prev_index.value > limits::kCounterMax) in.fail();
  size_t bytes = 0;
  Index index = m.prev_index;
  Term term = m.prev_term;
  for (size_t i = 0; i < count && in.ok(); ++i) {
    Entry entry = decode_entry(in);
    bytes += entry.encoded_bytes();
    if (bytes > limits::kAppendBytesMax + limits::kEntryBytesMax) in.fail();
    if (entry.index != index.next() || entry.term < term || entry.term > message_term) in.fail();
    index = entry.index;
    term = entry.term;
    m.entries.push_back(std::move(entry));
  }
  return m;
}

MessageBody get_append_response(Reader& in) {
  AppendResponse m;
  m.success = in.boolean();
  m.match = Index{in.u64()};
  m.prev_index = Index{in.u64()};
  m.hint_index = Index{in.u64()};
  m.hint_term = Term{in.u64()};
  return m;
}

LogRoom get_room(Reader& in) {
  const uint8_t room = in.u8();
  if (room < static_cast<uint8_t>(LogRoom::kNone) || room > static_cast<uint8_t>(LogRoom::kPlenty)) in.fail();
  return static_cast<LogRoom>(room);
}

MessageBody get_heartbeat(Reader& in, protocol::Version version) {
  Heartbeat m;
  m.round = Round{in.u64()};
  m.commit = Index{in.u64()};
  m.leader_commit = Index{in.u64()};
  m.stamp.lease_ms = in.i64();
  m.stamp.wall_ms = in.i64();
  m.fresh_as_of = Instant{in.i64()};
  m.fresh_commit = Index{in.u64()};
  const auto in_range = [](int64_t ms) { return ms >= 0 && ms <= limits::kStampMax; };
  if (!in_range(m.stamp.lease_ms) || !in_range(m.stamp.wall_ms) || m.fresh_as_of.ns < 0) in.fail();
  const size_t count = in.count(limits::kMembersMax, 30);
  for (size_t i = 0; i < count; ++i) {
    MemberView member;
    member.id = in.text(limits::kNodeIdBytesMax);
    member.healthy = in.boolean();
    member.match = Index{in.u64()};
    member.applied = Index{in.u64()};
    member.last_contact_ms = in.i64();
    member.draining = in.boolean();
    if (version >= protocol::kLogRoom) member.room = get_room(in);
    if (version >= protocol::kDiskLives) member.disk = decode_disk_life(in);
    m.members.push_back(std::move(member));
  }
  return m;
}

MessageBody get_heartbeat_response(Reader& in, protocol::Version version) {
  HeartbeatResponse m;
  m.round = Round{in.u64()};
  m.applied = Index{in.u64()};
  m.wall = WallTime{in.i64()};
  m.clock = Instant{in.i64()};
  m.draining = in.boolean();
  m.priority = in.u8();
  m.write_us = in.u32();
  m.durable = Index{in.u64()};
  if (version >= protocol::kLogRoom) m.room = get_room(in);
  if (version >= protocol::kDiskLives) {
    m.disk = decode_disk_life(in);
    m.known = decode_disk_life(in);
  }
  if (m.priority > limits::kLeaderPriorityMax) in.fail();
  return m;
}

LeaderCause get_cause(Reader& in) {
  const uint8_t cause = in.u8();
  if (cause < 1 || cause > 6) in.fail();
  return static_cast<LeaderCause>(cause);
}

MessageBody get_transfer_request(Reader& in) {
  TransferRequest m;
  m.ticket = in.u64();
  m.target = in.text(limits::kNodeIdBytesMax);
  if (!m.target.empty() && !is_node_id(m.target)) in.fail();
  m.cause = get_cause(in);
  return m;
}

MessageBody get_transfer_refused(Reader& in) {
  TransferRefused m;
  m.ticket = in.u64();
  const uint8_t why = in.u8();
  if (why < 1 || why > static_cast<uint8_t>(TransferFailure::kNobody)) in.fail();
  m.why = static_cast<TransferFailure>(why);
  return m;
}

Artefact get_artefact(Reader& in) {
  const Index index{in.u64()};
  const uint64_t hash = in.u64();
  const Artefact artefact{index, hash, in.u64()};
  const bool possible = artefact.index && artefact.index.value <= limits::kCounterMax && artefact.bytes > 0 &&
                        artefact.bytes <= limits::kArtefactBytesMax;
  if (!possible) in.fail();
  return artefact;
}

uint64_t get_offset(Reader& in, const Artefact& artefact) {
  const uint64_t offset = in.u64();
  if (offset >= artefact.bytes || offset % limits::kArtefactPartBytes != 0) in.fail();
  return offset;
}

MessageBody get_fetch_part(Reader& in) {
  const Artefact artefact = get_artefact(in);
  return FetchPart{artefact, get_offset(in, artefact)};
}

MessageBody get_artefact_part(Reader& in) {
  const Artefact artefact = get_artefact(in);
  const uint64_t offset = get_offset(in, artefact);
  return ArtefactPart{artefact, offset, Blob(in.text(limits::kArtefactPartBytes))};
}

MessageBody get_forward(Reader& in) {
  ForwardWrites m;
  const size_t count = in.count(kForwardedPerMessageMax, 4);
  m.commands.reserve(count);
  for (size_t i = 0; i < count && in.ok(); ++i) m.commands.emplace_back(in.text(limits::kEntryBytesMax));
  return m;
}

MessageBody get_refused(Reader& in) {
  WritesRefused m;
  const uint8_t why = in.u8();
  if (why < 1 || why > static_cast<uint8_t>(Refusal::kLeads)) in.fail();
  m.why = static_cast<Refusal>(why);
  const size_t count = in.count(kForwardedPerMessageMax, 8);
  for (size_t i = 0; i < count; ++i) m.sequences.push_back(in.u64());
  return m;
}

MessageBody get_body(uint8_t kind, Term term, Reader& in, protocol::Version version) {
  switch (kind) {
    case 0: {
      const Term next_term{in.u64()};
      const Index last_index{in.u64()};
      return PreVoteRequest{next_term, last_index, Term{in.u64()}};
    }
    case 1: {
      const Term next_term{in.u64()};
      return PreVoteResponse{next_term, in.boolean()};
    }
    case 2: {
      const Index last_index{in.u64()};
      const Term last_term{in.u64()};
      return VoteRequest{last_index, last_term, in.boolean()};
    }
    case 3: {
      const bool granted = in.boolean();
      return VoteResponse{granted, WallTime{in.i64()}};
    }
    case 4:
      return get_append(in, term);
    case 5:
      return get_append_response(in);
    case 6:
      return get_heartbeat(in, version);
    case 7:
      return get_heartbeat_response(in, version);
    case 8:
      return get_forward(in);
    case 9:
      return get_refused(in);
    case 10:
      return ReadIndexRequest{in.u64()};
    case 11: {
      const uint64_t ticket = in.u64();
      return ReadIndexResponse{ticket, Index{in.u64()}};
    }
    case 12:
      return TimeoutNow{get_cause(in)};
    case 13:
      return get_transfer_request(in);
    case 14:
      return get_transfer_refused(in);
    case 15: {
      const Index configuration_index{in.u64()};
      return NotMember{configuration_index, in.boolean()};
    }
    case 16:
      return OfferArtefact{get_artefact(in)};
    case 17:
      return get_fetch_part(in);
    case 18:
      return get_artefact_part(in);
    case 19:
      return DiskWentBack{};
    default:
      in.fail();
      return VoteResponse{};
  }
}

}  // namespace

bool is_request(const MessageBody& body) {
  return std::holds_alternative<PreVoteRequest>(body) || std::holds_alternative<VoteRequest>(body) ||
         std::holds_alternative<AppendRequest>(body) || std::holds_alternative<Heartbeat>(body) ||
         std::holds_alternative<TimeoutNow>(body);
}

bool is_of_the_node(const MessageBody& body) {
  return std::holds_alternative<ForwardWrites>(body) || std::holds_alternative<WritesRefused>(body) ||
         std::holds_alternative<ReadIndexRequest>(body) || std::holds_alternative<ReadIndexResponse>(body) ||
         std::holds_alternative<TransferRequest>(body) || std::holds_alternative<TransferRefused>(body) ||
         std::holds_alternative<NotMember>(body) || std::holds_alternative<OfferArtefact>(body) ||
         std::holds_alternative<FetchPart>(body) || std::holds_alternative<ArtefactPart>(body) ||
         std::holds_alternative<DiskWentBack>(body);
}

std::string_view message_kind_name(size_t kind) {
  static constexpr std::string_view kNames[] = {
      "PreVoteRequest",   "PreVoteResponse",   "VoteRequest",       "VoteResponse",    "AppendRequest",
      "AppendResponse",   "Heartbeat",         "HeartbeatResponse", "ForwardWrites",   "WritesRefused",
      "ReadIndexRequest", "ReadIndexResponse", "TimeoutNow",        "TransferRequest", "TransferRefused",
      "NotMember",        "OfferArtefact",     "FetchPart",         "ArtefactPart",    "DiskWentBack"};
  static_assert(std::size(kNames) == std::variant_size_v<MessageBody>);
  return kind < kMessageKinds ? kNames[kind] : "";
}

std::string_view message_name(const Message& message) { return message_kind_name(message.body.index()); }

void encode_message(std::string& bytes, const Message& message, protocol::Version version) {
  Writer out(bytes);
  out.u8(static_cast<uint8_t>(message.body.index()));
  encode(out, message.cluster_id);
  out.u64(message.term.value);
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { put(out, body, version); }) {
          put(out, body, version);
        } else {
          put(out, body);
        }
      },
      message.body);
}

std::optional<Message> decode_message(std::string_view bytes, protocol::Version version) {
  Reader in(bytes);
  const uint8_t kind = in.u8();
  Message message;
  message.cluster_id = decode_cluster_id(in);
  message.term = Term{in.u64()};
  message.body = get_body(kind, message.term, in, version);
  // A term near the end of its range would stop elections for ever, and is nobody's honest count.
  const auto* pre_vote = std::get_if<PreVoteRequest>(&message.body);
  const uint64_t term = std::max(message.term.value, pre_vote != nullptr ? pre_vote->next_term.value : 0);
  if (!in.done() || term > limits::kCounterMax) return std::nullopt;
  return message;
}

}  // namespace patronus
