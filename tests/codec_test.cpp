// Every encoding comes back as it was, and nothing else is taken for one.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/limits.h"
#include "core/raft/configuration.h"
#include "core/raft/leader_record.h"
#include "core/raft/message.h"
#include "core/state/command.h"

namespace patronus::codec_test {
namespace {

// Messages are compared field by field: comparing encodings alone would miss a field that nobody encodes.
auto fields(const PreVoteRequest& m) { return std::tie(m.next_term, m.last_index, m.last_term); }
auto fields(const PreVoteResponse& m) { return std::tie(m.next_term, m.granted); }
auto fields(const VoteRequest& m) { return std::tie(m.last_index, m.last_term, m.transfer); }
auto fields(const VoteResponse& m) { return std::tie(m.granted, m.wall); }
auto fields(const AppendRequest& m) { return std::tie(m.prev_index, m.prev_term, m.commit, m.entries); }
auto fields(const AppendResponse& m) {
  return std::tie(m.success, m.match, m.prev_index, m.hint_index, m.hint_term);
}
auto fields(const MemberView& m) {
  return std::tie(m.id, m.healthy, m.match, m.applied, m.last_contact_ms, m.draining, m.room, m.disk);
}
auto fields(const Heartbeat& m) {
  return std::tie(m.round, m.commit, m.leader_commit, m.stamp, m.fresh_as_of, m.fresh_commit);
}
auto fields(const HeartbeatResponse& m) {
  return std::tie(m.round, m.applied, m.wall, m.clock, m.draining, m.priority, m.write_us, m.durable, m.room,
                  m.disk, m.known);
}
auto fields(const TimeoutNow& m) { return std::tie(m.cause); }
auto fields(const TransferRequest& m) { return std::tie(m.ticket, m.target, m.cause); }
auto fields(const TransferRefused& m) { return std::tie(m.ticket, m.why); }
auto fields(const ForwardWrites& m) { return std::tie(m.commands); }
auto fields(const WritesRefused& m) { return std::tie(m.why, m.sequences); }
auto fields(const ReadIndexRequest& m) { return std::tie(m.ticket); }
auto fields(const NotMember& m) { return std::tie(m.configuration_index, m.removed); }
auto fields(const DiskWentBack&) { return std::tuple<>(); }
auto fields(const OfferArtefact& m) { return std::tie(m.artefact); }
auto fields(const FetchPart& m) { return std::tie(m.artefact, m.offset); }
auto fields(const ArtefactPart& m) { return std::tie(m.artefact, m.offset, m.bytes); }
auto fields(const ReadIndexResponse& m) { return std::tie(m.ticket, m.index); }

template <typename Body>
bool same(const Body& a, const Body& b) {
  return fields(a) == fields(b);
}
bool same(const Heartbeat& a, const Heartbeat& b) {
  return fields(a) == fields(b) &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                    [](const MemberView& x, const MemberView& y) { return fields(x) == fields(y); });
}
bool same(const Message& a, const Message& b) {
  if (a.cluster_id != b.cluster_id || a.term != b.term || a.body.index() != b.body.index()) return false;
  return std::visit(
      [&](const auto& body) { return same(body, std::get<std::decay_t<decltype(body)>>(b.body)); }, a.body);
}

uint64_t number() { return *rc::gen::arbitrary<uint64_t>() % (limits::kCounterMax + 1); }
bool coin() { return *rc::gen::arbitrary<bool>(); }
std::string text() { return *rc::gen::arbitrary<std::string>(); }
Blob blob() { return Blob(text()); }
size_t few() { return *rc::gen::inRange<size_t>(0, 5); }
std::string node_id() {
  const auto size = *rc::gen::inRange<size_t>(1, limits::kNodeIdBytesMax + 1);
  return *rc::gen::container<std::string>(size, rc::gen::elementOf(std::string("abcXYZ019.-_")));
}
ClusterId cluster_id() { return {{number(), number()}}; }

Stamp stamp() {
  const auto stamp_max = static_cast<uint64_t>(limits::kStampMax);
  return {static_cast<int64_t>(number() % stamp_max), static_cast<int64_t>(number() % stamp_max)};
}

Entry entry(uint64_t index, uint64_t term) {
  Entry e;
  e.index = Index{index};
  e.term = Term{term};
  e.kind = *rc::gen::element(EntryKind::kLeader, EntryKind::kConfiguration, EntryKind::kCommand);
  e.stamp = stamp();
  e.payload = blob();
  return e;
}

AppendRequest append(Term message_term) {
  AppendRequest m{Index{*rc::gen::inRange<uint64_t>(0, 1000)}, Term{}, Index{number()}, {}};
  m.prev_term = Term{*rc::gen::inRange<uint64_t>(0, message_term.value + 1)};
  uint64_t term = std::max<uint64_t>(1, m.prev_term.value);
  const size_t count = few();
  for (size_t i = 1; i <= count; ++i) {
    term = *rc::gen::inRange(term, message_term.value + 1);
    m.entries.push_back(entry(m.prev_index.value + i, term));
  }
  return m;
}

Heartbeat heartbeat() {
  Heartbeat m;
  m.round = Round{number()};
  m.commit = Index{number()};
  m.leader_commit = Index{number()};
  m.stamp = stamp();
  m.fresh_as_of = Instant{static_cast<int64_t>(number())};
  m.fresh_commit = Index{number()};
  const size_t count = few();
  for (size_t i = 0; i < count; ++i) {
    m.members.push_back({node_id(),
                         coin(),
                         Index{number()},
                         Index{number()},
                         *rc::gen::arbitrary<int64_t>(),
                         coin(),
                         *rc::gen::element(LogRoom::kNone, LogRoom::kPlenty),
                         {Incarnation{number()}, number(), number()}});
  }
  return m;
}

Artefact some_artefact() {
  return {Index{*rc::gen::inRange<uint64_t>(1, 1'000'000)}, number(),
          *rc::gen::inRange<uint64_t>(1, limits::kArtefactBytesMax)};
}
uint64_t some_offset(const Artefact& artefact) {
  return *rc::gen::inRange<uint64_t>(0, artefact.bytes) / limits::kArtefactPartBytes *
         limits::kArtefactPartBytes;
}

MessageBody body(size_t kind, Term term) {
  switch (kind) {
    case 0:
      return PreVoteRequest{Term{number()}, Index{number()}, Term{number()}};
    case 1:
      return PreVoteResponse{Term{number()}, coin()};
    case 2:
      return VoteRequest{Index{number()}, Term{number()}, coin()};
    case 3:
      return VoteResponse{coin(), WallTime{static_cast<int64_t>(number())}};
    case 4:
      return append(term);
    case 5:
      return AppendResponse{coin(), Index{number()}, Index{number()}, Index{number()}, Term{number()}};
    case 6:
      return heartbeat();
    case 7:
      return HeartbeatResponse{Round{number()},
                               Index{number()},
                               WallTime{*rc::gen::arbitrary<int64_t>()},
                               Instant{*rc::gen::arbitrary<int64_t>()},
                               coin(),
                               *rc::gen::inRange<uint8_t>(0, limits::kLeaderPriorityMax + 1),
                               static_cast<uint32_t>(number()),
                               Index{number()},
                               *rc::gen::element(LogRoom::kNone, LogRoom::kPlenty),
                               {Incarnation{number()}, number(), number()},
                               {Incarnation{number()}, number(), number()}};
    case 8:
      return ForwardWrites{{blob(), blob(), blob()}};
    case 9:
      return WritesRefused{
          *rc::gen::element(Refusal::kBusy, Refusal::kFull, Refusal::kWouldBreakQuorum, Refusal::kLeads),
          *rc::gen::arbitrary<std::vector<uint64_t>>()};
    case 10:
      return ReadIndexRequest{number()};
    case 11:
      return ReadIndexResponse{number(), Index{number()}};
    case 13:
      return TransferRequest{number(), coin() ? node_id() : "",
                             *rc::gen::element(LeaderCause::kTransfer, LeaderCause::kForced)};
    case 14:
      return TransferRefused{number(),
                             *rc::gen::element(TransferFailure::kUnknownNode, TransferFailure::kDraining,
                                               TransferFailure::kNobody)};
    case 15:
      return NotMember{Index{number()}, coin()};
    case 16:
      return OfferArtefact{some_artefact()};
    case 17: {
      const Artefact artefact = some_artefact();
      return FetchPart{artefact, some_offset(artefact)};
    }
    case 18: {
      const Artefact artefact = some_artefact();
      return ArtefactPart{artefact, some_offset(artefact), blob()};
    }
    case 19:
      return DiskWentBack{};
    default:
      return TimeoutNow{*rc::gen::element(LeaderCause::kTransfer, LeaderCause::kDrain, LeaderCause::kForced)};
  }
}

Message message() {
  const Term term{*rc::gen::inRange<uint64_t>(1, 100)};
  const auto kind = *rc::gen::inRange<size_t>(0, std::variant_size_v<MessageBody>);
  return {cluster_id(), term, body(kind, term)};
}

std::string encoded(const Message& m) {
  std::string bytes;
  encode_message(bytes, m);
  return bytes;
}

Expected expected() { return coin() ? Expected(Index{number()}) : std::nullopt; }

std::vector<BatchStep> steps() {
  std::vector<BatchStep> all(few());
  for (BatchStep& step : all) {
    step = {*rc::gen::element(StepKind::kPut, StepKind::kGet, StepKind::kDelete, StepKind::kDeletePrefix),
            text(), blob(), text()};
  }
  return all;
}

BatchOp batch() {
  BatchOp op{text().substr(0, limits::kNamespaceBytesMax), {}, steps(), std::nullopt};
  op.compare.resize(few());
  for (Compare& compare : op.compare) {
    compare = {text(), static_cast<CompareTarget>(*rc::gen::inRange(1, 5)),
               static_cast<CompareRelation>(*rc::gen::inRange(1, 5)), number(), blob()};
  }
  if (coin()) op.otherwise = steps();
  return op;
}

RestoreOp restore_op() {
  const std::string id = "r" + text().substr(0, limits::kRestoreIdBytesMax - 1);
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return BeginRestoreOp{id, Index{number()}, number(), {{number(), number()}}, number()};
    case 1:
      return StageRowsOp{id, number(), blob()};
    case 2:
      return FinishRestoreOp{id, number(), number(), coin()};
    default:
      return DropStagedOp{id, coin()};
  }
}

std::string brief() { return text().substr(0, 32); }

PathKey path_key() { return {brief(), brief(), brief(), brief()}; }

std::optional<uint32_t> maybe_number() {
  return coin() ? std::optional(*rc::gen::arbitrary<uint32_t>()) : std::nullopt;
}

TableOp table_op() {
  switch (*rc::gen::inRange(0, 6)) {
    case 0: {
      PutSiteOp op{brief(), coin(), {brief(), {}, *rc::gen::arbitrary<uint32_t>()}, expected()};
      op.fields.endpoints.resize(*rc::gen::inRange<size_t>(0, limits::kSiteEndpointsMax + 1));
      for (SiteEndpoint& endpoint : op.fields.endpoints) endpoint = {brief(), brief(), number()};
      return op;
    }
    case 1:
      return DeleteSiteOp{brief(), expected()};
    case 2:
      return PutPolicyOp{
          brief(),
          coin(),
          {brief(), coin(), brief(), brief(), static_cast<PathPreference>(*rc::gen::inRange(1, 5)),
           maybe_number(), maybe_number(), maybe_number()},
          expected()};
    case 3:
      return DeletePolicyOp{brief(), expected()};
    case 4: {
      VerdictsOp op;
      op.endpoints.resize(few());
      for (EndpointVerdict& verdict : op.endpoints)
        verdict = {brief(), brief(), coin(), *rc::gen::arbitrary<int64_t>()};
      op.paths.resize(few());
      for (PathVerdict& verdict : op.paths) {
        verdict = {path_key(),
                   static_cast<PathStatus>(*rc::gen::inRange(1, 4)),
                   *rc::gen::arbitrary<uint32_t>(),
                   *rc::gen::arbitrary<uint32_t>(),
                   *rc::gen::inRange<uint32_t>(0, 1'000'001),
                   static_cast<uint8_t>(*rc::gen::inRange(0, 101))};
      }
      return op;
    }
    default:
      return OpenTablesOp{*rc::gen::arbitrary<uint32_t>()};
  }
}

WriteOp write_op() {
  const std::string ns = text().substr(0, limits::kNamespaceBytesMax);
  switch (*rc::gen::inRange(0, 7)) {
    case 6:
      return table_op();
    case 5:
      return restore_op();
    case 3:
      return MemberOp{AdmitNodeOp{node_id(), Incarnation{number()}, text(), text(), text().substr(0, 200),
                                  Incarnation{number()}}};
    case 4:
      return coin() ? MemberOp{RemoveNodeOp{node_id(), coin()}} : MemberOp{ReinitNodeOp{node_id()}};
    case 0:
      return PutOp{ns, text(), blob(), text(), expected()};
    case 1:
      return DeleteOp{ns, text(), expected()};
    default:
      return batch();
  }
}

Command command() {
  Command c;
  const auto sequence = *rc::gen::inRange<uint64_t>(1, uint64_t{1} << 50);
  c.origin = {Incarnation{*rc::gen::inRange<uint64_t>(1, 1000)}, sequence,
              *rc::gen::inRange<uint64_t>(0, sequence + 1)};
  if (coin()) c.idempotency = IdempotencyKey{text(), text(), number()};
  c.op = write_op();
  return c;
}

Record record() { return {blob(), text(), Index{number()}, Index{number()}, number()}; }

WriteResult result() {
  WriteResult r;
  r.outcome = static_cast<Outcome>(*rc::gen::inRange(1, 29));
  r.revision = Index{number()};
  r.record = record();
  r.created = coin();
  r.succeeded = coin();
  r.failed_compare = *rc::gen::arbitrary<uint32_t>();
  r.steps.resize(few());
  for (StepResult& step : r.steps) {
    step = {static_cast<StepKind>(*rc::gen::inRange(1, 5)), text(), std::nullopt, number()};
    if (coin()) step.record = record();
  }
  return r;
}

Configuration configuration() {
  Configuration c{{{*rc::gen::inRange<uint64_t>(1, 1000), number()}}, {}};
  const auto count = *rc::gen::inRange<size_t>(1, limits::kMembersMax + 1);
  for (size_t i = 0; i < count; ++i) {
    const std::string id = "n" + std::to_string(i) + node_id().substr(0, 20);
    c.members.push_back({id, Incarnation{*rc::gen::inRange<uint64_t>(1, 1000)}, text(), text(),
                         i == 0 ? Standing::kVoter : static_cast<Standing>(*rc::gen::inRange(1, 5))});
  }
  return c;
}

// Nothing shorter and nothing longer than an encoding is one: a length says where each ends.
template <typename Decode>
void refuses_all_but_the_whole(const std::string& bytes, const Decode& decode) {
  for (size_t size = 0; size < bytes.size(); ++size)
    RC_ASSERT(!decode(std::string_view(bytes).substr(0, size)));
  RC_ASSERT(!decode(bytes + '\0'));
}

std::optional<Entry> read_entry(std::string_view bytes) {
  Reader in(bytes);
  Entry e = decode_entry(in);
  return in.done() ? std::optional(e) : std::nullopt;
}

std::optional<HardState> read_hard_state(std::string_view bytes) {
  Reader in(bytes);
  HardState hard = decode_hard_state(in);
  return in.done() ? std::optional(hard) : std::nullopt;
}

RC_GTEST_PROP(MessageCodec, ComesBackAsItWas, ()) {
  const Message m = message();
  const std::optional<Message> back = decode_message(encoded(m));
  RC_ASSERT(back.has_value());
  RC_ASSERT(same(m, *back));
}

// The property above picks kinds by chance; here none is left out.
RC_GTEST_PROP(MessageCodec, KnowsEveryKind, ()) {
  for (size_t kind = 0; kind < std::variant_size_v<MessageBody>; ++kind) {
    const Message m{cluster_id(), Term{9}, body(kind, Term{9})};
    RC_ASSERT(m.body.index() == kind);
    const std::optional<Message> back = decode_message(encoded(m));
    RC_ASSERT(back.has_value());
    RC_ASSERT(same(m, *back));
    RC_ASSERT(message_name(m) == message_name(*back));
  }
}

RC_GTEST_PROP(MessageCodec, RefusesAllButTheWhole, ()) {
  refuses_all_but_the_whole(encoded(message()), [](std::string_view bytes) { return decode_message(bytes); });
}

RC_GTEST_PROP(MessageCodec, SurvivesDamage, ()) {
  std::string bytes = encoded(message());
  const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes[at] = *rc::gen::arbitrary<char>();
  // Some damage makes another valid message; what counts is that what is taken is encoded the same way again.
  if (const std::optional<Message> back = decode_message(bytes)) RC_ASSERT(encoded(*back) == bytes);
}

RC_GTEST_PROP(MessageCodec, SurvivesAnyBytes, (std::string bytes)) {
  if (!bytes.empty() && coin()) bytes[0] = static_cast<char>(*rc::gen::inRange(0, 13));
  if (const std::optional<Message> back = decode_message(bytes)) RC_ASSERT(encoded(*back) == bytes);
}

TEST(MessageCodec, RefusesAnUnknownKind) {
  std::string bytes = encoded({{}, Term{1}, ReadIndexRequest{1}});
  bytes[0] = 12;
  EXPECT_FALSE(decode_message(bytes));
  bytes[0] = '\xff';
  EXPECT_FALSE(decode_message(bytes));
}

Entry plain_entry(uint64_t index, uint64_t term) {
  return {Index{index}, Term{term}, EntryKind::kCommand, {}, Blob("x")};
}

bool append_is_taken(uint64_t message_term, uint64_t prev_index, uint64_t prev_term,
                     std::vector<Entry> entries) {
  const AppendRequest request{Index{prev_index}, Term{prev_term}, Index{}, std::move(entries)};
  return decode_message(encoded({{}, Term{message_term}, request})).has_value();
}

TEST(MessageCodec, TakesConsecutiveEntriesWhoseTermsDoNotFall) {
  EXPECT_TRUE(append_is_taken(3, 4, 2, {plain_entry(5, 2), plain_entry(6, 3), plain_entry(7, 3)}));
  EXPECT_TRUE(append_is_taken(3, 0, 0, {plain_entry(1, 1)}));
  EXPECT_TRUE(append_is_taken(3, 4, 2, {}));
}

// These would break the log's own assertions, so they must not get that far.
TEST(MessageCodec, RefusesAppendsWithGaps) {
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(6, 2)}));
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(4, 2)}));
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(5, 2), plain_entry(7, 2)}));
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(5, 2), plain_entry(5, 2)}));
  EXPECT_FALSE(append_is_taken(3, ~uint64_t{0}, 2, {plain_entry(0, 2)}));
}

TEST(MessageCodec, RefusesAppendsWhoseTermsFall) {
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(5, 1)}));
  EXPECT_FALSE(append_is_taken(3, 4, 1, {plain_entry(5, 2), plain_entry(6, 1)}));
}

TEST(MessageCodec, RefusesEntriesOfTermsAboveTheMessages) {
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(5, 4)}));
  EXPECT_FALSE(append_is_taken(3, 4, 2, {plain_entry(5, 3), plain_entry(6, 4)}));
}

// A count of four thousand million with nothing behind it: refused before anything is set aside for it.
TEST(MessageCodec, RefusesCountsThatPromiseTooMuch) {
  const auto with_last_count = [](const Message& m, uint32_t count) {
    std::string bytes = encoded(m);
    bytes.resize(bytes.size() - 4);
    Writer(bytes).u32(count);
    return bytes;
  };
  for (const uint32_t count : {1U, 4096U, 0xffffffffU}) {
    EXPECT_FALSE(decode_message(with_last_count({{}, Term{1}, AppendRequest{}}, count)));
    EXPECT_FALSE(decode_message(with_last_count({{}, Term{1}, Heartbeat{}}, count)));
    EXPECT_FALSE(decode_message(with_last_count({{}, Term{1}, ForwardWrites{}}, count)));
    EXPECT_FALSE(decode_message(with_last_count({{}, Term{1}, WritesRefused{}}, count)));
  }
}

TEST(MessageCodec, RefusesMoreThingsThanAreAllowed) {
  const auto taken = [](MessageBody m) {
    return decode_message(encoded({{}, Term{1}, std::move(m)})).has_value();
  };
  Heartbeat heartbeat;
  heartbeat.members.resize(limits::kMembersMax);
  EXPECT_TRUE(taken(heartbeat));
  heartbeat.members.resize(limits::kMembersMax + 1);
  EXPECT_FALSE(taken(heartbeat));
  EXPECT_TRUE(taken(ForwardWrites{std::vector<Blob>(limits::kWritesInFlightMax)}));
  EXPECT_FALSE(taken(ForwardWrites{std::vector<Blob>(limits::kWritesInFlightMax + 1)}));
  EXPECT_FALSE(taken(WritesRefused{Refusal::kBusy, std::vector<uint64_t>(limits::kWritesInFlightMax + 1)}));
  std::vector<Entry> entries;
  for (uint64_t i = 1; i <= limits::kAppendEntriesMax; ++i) entries.push_back(plain_entry(i, 1));
  EXPECT_TRUE(append_is_taken(1, 0, 0, entries));
  entries.push_back(plain_entry(entries.size() + 1, 1));
  EXPECT_FALSE(append_is_taken(1, 0, 0, entries));
}

RC_GTEST_PROP(EntryCodec, ComesBackAsItWas, ()) {
  const Entry e = entry(*rc::gen::inRange<uint64_t>(1, 1000), *rc::gen::inRange<uint64_t>(1, 1000));
  std::string bytes;
  Writer out(bytes);
  encode(out, e);
  RC_ASSERT(bytes.size() == e.encoded_bytes());
  RC_ASSERT(read_entry(bytes) == e);
  refuses_all_but_the_whole(bytes, read_entry);
}

TEST(EntryCodec, RefusesWhatNoLogHolds) {
  const auto taken = [](Entry e) {
    std::string bytes;
    Writer out(bytes);
    encode(out, e);
    return read_entry(bytes).has_value();
  };
  Entry e = plain_entry(1, 1);
  EXPECT_TRUE(taken(e));
  e.kind = static_cast<EntryKind>(4);
  EXPECT_FALSE(taken(e));
  e.kind = static_cast<EntryKind>(0);
  EXPECT_FALSE(taken(e));
  EXPECT_FALSE(taken(plain_entry(0, 1)));
  EXPECT_FALSE(taken(plain_entry(1, 0)));
  e = plain_entry(1, 1);
  e.payload = Blob(std::string(limits::kEntryBytesMax, 'x'));
  EXPECT_TRUE(taken(e));
  e.payload = Blob(std::string(limits::kEntryBytesMax + 1, 'x'));
  EXPECT_FALSE(taken(e));
}

RC_GTEST_PROP(HardStateCodec, ComesBackAsItWas, ()) {
  const HardState hard{Term{number()}, coin() ? node_id() : "", cluster_id(), number()};
  std::string bytes;
  Writer out(bytes);
  encode(out, hard);
  RC_ASSERT(read_hard_state(bytes) == hard);
  refuses_all_but_the_whole(bytes, read_hard_state);
}

RC_GTEST_PROP(LivesCodec, ComeBackAsTheyWere, ()) {
  const auto read = [](std::string_view bytes) -> std::optional<Lives> {
    Reader in(bytes);
    Lives lives = decode_lives(in);
    return in.done() ? std::optional(lives) : std::nullopt;
  };
  const auto written = [](const Lives& lives) {
    std::string bytes;
    Writer out(bytes);
    encode(out, lives);
    return bytes;
  };
  Lives lives{number() + 1, coin(), {number()}, {}};
  for (size_t n = few(); n > 0; --n) lives.processes.push_back(number());
  for (size_t n = few(); n > 0; --n) lives.others.push_back({Incarnation{number() + 1}, number(), number()});
  RC_ASSERT(read(written(lives)) == lives);
  refuses_all_but_the_whole(written(lives), read);
  Lives many = lives;
  many.others.resize(limits::kMembersMax + 1, {Incarnation{1}, 1, 1});
  RC_ASSERT(!read(written(many)));
  many = lives;
  many.processes.resize(limits::kLifeProcessesMax + 1);
  RC_ASSERT(!read(written(many)));
}

TEST(HardStateCodec, RefusesAVoteForWhatIsNoNode) {
  std::string bytes;
  Writer out(bytes);
  encode(out, HardState{Term{1}, "not a node", {}, 1});
  EXPECT_FALSE(read_hard_state(bytes));
}

RC_GTEST_PROP(ConfigurationCodec, ComesBackAsItWas, ()) {
  const Configuration c = configuration();
  const std::string bytes = encode_configuration(c);
  RC_ASSERT(decode_configuration(bytes) == c);
  refuses_all_but_the_whole(bytes, decode_configuration);
}

RC_GTEST_PROP(ConfigurationCodec, SurvivesAnyBytes, (const std::string& bytes)) {
  if (const auto back = decode_configuration(bytes)) RC_ASSERT(encode_configuration(*back) == bytes);
}

TEST(ConfigurationCodec, RefusesWhatIsNoCluster) {
  const Member a{"a", Incarnation{1}, "a:1", "a:2", Standing::kVoter};
  const Member b{"b", Incarnation{2}, "b:1", "b:2", Standing::kVoter};
  const auto taken = [](Configuration c) {
    return decode_configuration(encode_configuration(c)).has_value();
  };
  EXPECT_TRUE(taken({{{1, 2}}, {a, b}}));
  EXPECT_FALSE(taken({{{0, 0}}, {a, b}}));
  EXPECT_FALSE(taken({{{1, 2}}, {}}));
  EXPECT_FALSE(taken({{{1, 2}}, {b, a}}));
  EXPECT_FALSE(taken({{{1, 2}}, {a, a}}));
  Member odd = a;
  for (const Standing none : {Standing::kLearner, Standing::kJoining, Standing::kLeaving}) {
    odd.standing = none;
    EXPECT_FALSE(taken({{{1, 2}}, {odd}})) << "somebody must vote in either half";
    EXPECT_TRUE(taken({{{1, 2}}, {odd, b}}));
  }
  odd.standing = static_cast<Standing>(0);
  EXPECT_FALSE(taken({{{1, 2}}, {odd, b}}));
  odd.standing = static_cast<Standing>(5);
  EXPECT_FALSE(taken({{{1, 2}}, {odd, b}}));
  odd = a;
  odd.incarnation = Incarnation{};
  EXPECT_FALSE(taken({{{1, 2}}, {odd}}));
  odd = a;
  odd.id = "a b";
  EXPECT_FALSE(taken({{{1, 2}}, {odd}}));
  Configuration many{{{1, 2}}, {}};
  for (size_t i = 0; i <= limits::kMembersMax; ++i) {
    many.members.push_back({"n" + std::to_string(i), Incarnation{i + 1}, "", "", Standing::kVoter});
  }
  EXPECT_FALSE(taken(many));
}

RC_GTEST_PROP(LeaderRecordCodec, ComesBackAsItWas, ()) {
  const LeaderRecord r{node_id(), static_cast<LeaderCause>(*rc::gen::inRange(1, 7))};
  const std::string bytes = encode_leader_record(r);
  const auto back = decode_leader_record(bytes);
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->leader == r.leader);
  RC_ASSERT(back->cause == r.cause);
  refuses_all_but_the_whole(bytes, decode_leader_record);
}

RC_GTEST_PROP(CommandCodec, ComesBackAsItWas, ()) {
  const Command c = command();
  const std::string bytes = encode_command(c);
  RC_ASSERT(decode_command(bytes) == c);
  RC_ASSERT(decode_origin(bytes) == c.origin);
  const auto* member = std::get_if<MemberOp>(&c.op);
  RC_ASSERT(decode_membership(bytes) == (member == nullptr ? std::nullopt : std::optional(*member)));
}

RC_GTEST_PROP(CommandCodec, RefusesAllButTheWhole, ()) {
  refuses_all_but_the_whole(encode_command(command()), decode_command);
}

RC_GTEST_PROP(CommandCodec, SurvivesDamage, ()) {
  std::string bytes = encode_command(command());
  bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  if (const auto back = decode_command(bytes)) RC_ASSERT(encode_command(*back) == bytes);
}

RC_GTEST_PROP(CommandCodec, SurvivesAnyBytes, (std::string bytes)) {
  if (coin()) bytes.insert(0, 1, '\1');
  if (const auto back = decode_command(bytes)) RC_ASSERT(encode_command(*back) == bytes);
  (void)decode_origin(bytes);
}

TEST(CommandCodec, RefusesAnImpossibleOrigin) {
  const auto taken = [](Origin origin) {
    return decode_command(encode_command({origin, std::nullopt, DeleteOp{"n", "k", {}}})).has_value();
  };
  EXPECT_TRUE(taken({Incarnation{1}, 5, 5}));
  EXPECT_FALSE(taken({Incarnation{}, 5, 5}));
  EXPECT_FALSE(taken({Incarnation{1}, 0, 0}));
  EXPECT_FALSE(taken({Incarnation{1}, 5, 6})) << "a write waits for itself";
}

TEST(CommandCodec, RefusesWhatIsAboveTheLimits) {
  const auto taken = [](WriteOp op) {
    return decode_command(encode_command({{Incarnation{1}, 1, 1}, std::nullopt, std::move(op)})).has_value();
  };
  const auto x = [](size_t size) { return std::string(size, 'x'); };
  EXPECT_TRUE(taken(PutOp{x(limits::kNamespaceBytesMax),
                          x(limits::kKeyBytesMax),
                          Blob(x(limits::kValueBytesMax)),
                          x(limits::kContentTypeBytesMax),
                          {}}));
  EXPECT_FALSE(taken(PutOp{x(limits::kNamespaceBytesMax + 1), "k", {}, "", {}}));
  EXPECT_FALSE(taken(PutOp{"n", x(limits::kKeyBytesMax + 1), {}, "", {}}));
  EXPECT_FALSE(taken(PutOp{"n", "k", Blob(x(limits::kValueBytesMax + 1)), "", {}}));
  EXPECT_FALSE(taken(PutOp{"n", "k", {}, x(limits::kContentTypeBytesMax + 1), {}}));
  EXPECT_TRUE(taken(BatchOp{"n", {}, std::vector<BatchStep>(limits::kBatchOpsMax), {}}));
  EXPECT_FALSE(taken(BatchOp{"n", {}, std::vector<BatchStep>(limits::kBatchOpsMax + 1), {}}));
  EXPECT_FALSE(taken(BatchOp{"n", std::vector<Compare>(limits::kBatchOpsMax + 1), {}, {}}));
}

TEST(CommandCodec, RefusesAnotherVersionsLayout) {
  std::string bytes = encode_command({{Incarnation{1}, 1, 1}, std::nullopt, DeleteOp{"n", "k", {}}});
  bytes[0] = 1;
  EXPECT_FALSE(decode_command(bytes));
  EXPECT_FALSE(decode_origin(bytes));
}

// A version that does not know restores must stop at one, and go on with everything else.
TEST(CommandCodec, GivesRestoresAndTablesLayoutsOfTheirOwn) {
  const Origin origin{Incarnation{1}, 1, 1};
  const std::string put = encode_command({origin, std::nullopt, PutOp{"n", "k", Blob("v"), "", {}}});
  const std::string drop = encode_command({origin, std::nullopt, RestoreOp{DropStagedOp{"r", true}}});
  const std::string open = encode_command({origin, std::nullopt, TableOp{OpenTablesOp{1}}});
  EXPECT_EQ(put[0], 2);
  EXPECT_EQ(drop[0], 3);
  EXPECT_EQ(open[0], 4);
  EXPECT_EQ(unknown_command_version(put), std::nullopt);
  EXPECT_EQ(unknown_command_version(drop), std::nullopt);
  EXPECT_EQ(unknown_command_version(open), std::nullopt);
  EXPECT_EQ(unknown_command_version("\x05"), 5);
  for (const std::string& bytes : {put, drop, open}) {
    for (const char layout : {'\2', '\3', '\4'}) {
      std::string changed = bytes;
      changed[0] = layout;
      EXPECT_EQ(decode_command(changed).has_value(), changed == bytes) << "each operation has one layout";
    }
  }
}

TEST(CommandCodec, RefusesRestoresAboveTheLimits) {
  const auto taken = [](RestoreOp op) {
    return decode_command(encode_command({{Incarnation{1}, 1, 1}, std::nullopt, std::move(op)})).has_value();
  };
  const size_t piece_max = limits::kStagedPieceBytesMax + limits::kStagedPieceBytes;
  EXPECT_TRUE(
      taken(StageRowsOp{std::string(limits::kRestoreIdBytesMax, 'r'), 1, Blob(std::string(piece_max, 'x'))}));
  EXPECT_FALSE(taken(StageRowsOp{"r", 1, Blob(std::string(piece_max + 1, 'x'))}));
  EXPECT_FALSE(taken(DropStagedOp{std::string(limits::kRestoreIdBytesMax + 1, 'r'), false}));
  EXPECT_FALSE(taken(DropStagedOp{"", false}));
}

RC_GTEST_PROP(ResultCodec, ComesBackAsItWas, ()) {
  const WriteResult r = result();
  const std::string bytes = encode_result(r);
  RC_ASSERT(decode_result(bytes) == r);
  refuses_all_but_the_whole(bytes, decode_result);
}

RC_GTEST_PROP(ResultCodec, SurvivesDamage, ()) {
  std::string bytes = encode_result(result());
  bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  if (const auto back = decode_result(bytes)) RC_ASSERT(encode_result(*back) == bytes);
}

// Outcomes of the node that waits are no facts of the log: none may be kept as an answer.
TEST(ResultCodec, RefusesOutcomesThatAreNeverInTheLog) {
  for (const Outcome outcome :
       {Outcome::kNoLeader, Outcome::kMaybeApplied, Outcome::kBusy, Outcome::kFull, Outcome::kTooOld}) {
    WriteResult r;
    r.outcome = outcome;
    EXPECT_FALSE(decode_result(encode_result(r)));
  }
}

TEST(Names, SayWhatIsWrongWithThem) {
  EXPECT_FALSE(namespace_fault("a.B-c_9"));
  EXPECT_FALSE(namespace_fault(std::string(limits::kNamespaceBytesMax, 'n')));
  for (const std::string& bad : {std::string(), std::string("_sys"), std::string("a/b"), std::string("a b"),
                                 std::string(limits::kNamespaceBytesMax + 1, 'n')}) {
    EXPECT_TRUE(namespace_fault(bad)) << bad;
  }
  EXPECT_FALSE(key_fault("a/b \xc3\xa4"));
  EXPECT_FALSE(key_fault(std::string(limits::kKeyBytesMax, 'k')));
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string("\x7f"), std::string(limits::kKeyBytesMax + 1, 'k')}) {
    EXPECT_TRUE(key_fault(bad)) << bad;
  }
}

// A peer gone wrong must not be able to end elections for ever, nor to make a batch that no log takes.
TEST(CodecBounds, TermsBeyondAnyHonestCountAreRefused) {
  const auto taken = [](Term term, MessageBody m) {
    return decode_message(encoded({{}, term, std::move(m)})).has_value();
  };
  EXPECT_TRUE(taken(Term{limits::kCounterMax}, VoteResponse{true, {}}));
  EXPECT_FALSE(taken(Term{limits::kCounterMax + 1}, VoteResponse{true, {}}));
  EXPECT_FALSE(taken(Term{UINT64_MAX}, VoteRequest{Index{1}, Term{1}}));
  EXPECT_FALSE(taken(Term{1}, PreVoteRequest{Term{UINT64_MAX}, Index{1}, Term{1}}));
}

TEST(CodecBounds, AppendsThatNoBatchOfTheLogTakesAreRefused) {
  AppendRequest request;
  const Blob payload(std::string(limits::kMiB, 'x'));
  for (uint64_t i = 1; i <= 4; ++i)
    request.entries.push_back({Index{i}, Term{1}, EntryKind::kCommand, {}, payload});
  EXPECT_FALSE(decode_message(encoded({{}, Term{1}, request})));
  request.entries.resize(2);
  EXPECT_TRUE(decode_message(encoded({{}, Term{1}, request})));
}

}  // namespace
}  // namespace patronus::codec_test
