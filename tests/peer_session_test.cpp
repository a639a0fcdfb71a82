// One link between two nodes, fed bytes in any pieces: who is let in, what comes through, what ends it.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "io/protocol/peer/session.h"

namespace patronus::peer::peer_session_test {
namespace {

constexpr ClusterId kCluster{{1, 2}};

PeerIdentity identity(const NodeId& id, uint64_t incarnation, ClusterId cluster = kCluster) {
  return {id, Incarnation{incarnation}, cluster, id + ":7443", id + ":8081", "0.1.0"};
}

Session dialler(NodeId expected = "b", PeerIdentity self = identity("a", 1)) {
  return Session(Side::kDialler, std::move(self), std::move(expected), Instant{0});
}
Session acceptor(PeerIdentity self = identity("b", 2)) {
  return Session(Side::kAcceptor, std::move(self), "", Instant{0});
}

// In pieces of any size, as a socket gives them.
void feed_in_pieces(Session& session, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = *rc::gen::inRange<size_t>(1, bytes.size() + 1);
    session.feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

void shake_hands(Session& from, Session& to) {
  to.feed(from.take_output());
  from.feed(to.take_output());
}

struct Link {
  Session from = dialler();
  Session to = acceptor();
  Link() { shake_hands(from, to); }
};

Message message(uint64_t ticket) { return {kCluster, Term{3}, ReadIndexRequest{ticket}}; }

std::vector<uint64_t> tickets(const std::vector<Message>& messages) {
  std::vector<uint64_t> all;
  for (const Message& m : messages) all.push_back(std::get<ReadIndexRequest>(m.body).ticket);
  return all;
}

// A frame as the other end would write it; the checksum may be made wrong.
std::string frame(uint8_t type, std::string_view payload, uint32_t crc_error = 0) {
  std::string guarded(1, static_cast<char>(type));
  guarded += payload;
  std::string bytes;
  Writer out(bytes);
  out.u32(static_cast<uint32_t>(payload.size()));
  out.u32(crc32c(guarded) ^ crc_error);
  return bytes + guarded;
}

struct Hello {
  uint32_t magic = 0x4e525450;
  protocol::Version newest = protocol::kNewest;
  protocol::Version oldest = protocol::kOldest;
  std::string added;
  PeerIdentity self = identity("a", 1);
  NodeId wanted = "b";

  std::string payload() const {
    std::string bytes;
    Writer out(bytes);
    out.u32(magic);
    out.u16(newest);
    out.u16(oldest);
    out.bytes(self.id);
    out.u64(self.incarnation.value);
    encode(out, self.cluster_id);
    out.bytes(self.peer_address);
    out.bytes(self.api_address);
    out.bytes(self.version);
    out.boolean(self.rebuilds);
    out.u64(self.boot);
    out.u64(self.process);
    out.bytes(wanted);
    out.bytes(added);
    return bytes;
  }
};

// What an acceptor says to this hello; empty if it lets it in.
std::string refusal_of(const Hello& hello, PeerIdentity self = identity("b", 2)) {
  Session session = acceptor(std::move(self));
  session.feed(frame(1, hello.payload()));
  EXPECT_EQ(session.established(), session.failure().empty());
  EXPECT_EQ(session.take_output().empty(), !session.failure().empty()) << "who is refused is not greeted";
  return session.failure();
}

RC_GTEST_PROP(PeerSession, BothSidesMeetWhateverThePieces, ()) {
  Session from = dialler();
  Session to = acceptor();
  RC_ASSERT(!from.established());
  feed_in_pieces(to, from.take_output());
  RC_ASSERT(to.established());
  RC_ASSERT(!from.established());
  feed_in_pieces(from, to.take_output());
  RC_ASSERT(from.established());
  RC_ASSERT(to.peer() == identity("a", 1));
  RC_ASSERT(from.peer() == identity("b", 2));
}

TEST(PeerSession, AnAcceptorWaitsToBeGreeted) {
  Session session = acceptor();
  EXPECT_EQ(session.take_output(), "");
}

TEST(PeerSession, TheHandshakeHasADeadline) {
  Link link;
  EXPECT_EQ(dialler().deadline(), Instant{0} + limits::kHandshakeTimeout);
  EXPECT_EQ(acceptor().deadline(), Instant{0} + limits::kHandshakeTimeout);
  EXPECT_EQ(link.from.deadline(), Instant::never());
  EXPECT_EQ(link.to.deadline(), Instant::never());
}

RC_GTEST_PROP(PeerSession, MessagesComeInOrderWhateverThePieces, ()) {
  Link link;
  const auto sent = *rc::gen::arbitrary<std::vector<uint64_t>>();
  for (const uint64_t ticket : sent) link.from.send(message(ticket));
  feed_in_pieces(link.to, link.from.take_output());
  RC_ASSERT(link.to.failure().empty());
  RC_ASSERT(tickets(link.to.take_messages()) == sent);
  RC_ASSERT(link.to.take_messages().empty());
}

TEST(PeerSession, AMessageIsThereOnlyOnceItIsWhole) {
  Link link;
  link.from.send(message(7));
  EXPECT_GT(link.from.output_bytes(), 0U);
  const std::string bytes = link.from.take_output();
  EXPECT_EQ(link.from.output_bytes(), 0U);
  link.to.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
  EXPECT_TRUE(link.to.take_messages().empty());
  link.to.feed(std::string_view(bytes).substr(bytes.size() - 1));
  EXPECT_EQ(tickets(link.to.take_messages()), std::vector<uint64_t>{7});
}

// The largest append that a leader makes has to get through: one entry that fills the bound all by itself.
TEST(PeerSession, ALargeAppendFitsAFrame) {
  Link link;
  AppendRequest append;
  append.entries.push_back(
      {Index{1}, Term{1}, EntryKind::kCommand, {}, Blob(std::string(limits::kEntryBytesMax, 'x'))});
  link.from.send({kCluster, Term{1}, append});
  link.to.feed(link.from.take_output());
  EXPECT_EQ(link.to.failure(), "");
  EXPECT_EQ(link.to.take_messages().size(), 1U);
}

TEST(PeerSession, LetsInWhoHasNoClusterYet) {
  Hello hello;
  hello.self.cluster_id = {};
  EXPECT_EQ(refusal_of(hello), "");
  EXPECT_EQ(refusal_of(Hello{}, identity("b", 2, ClusterId{})), "");
}

TEST(PeerSession, LetsInWhoLooksForNobodyInParticular) {
  Hello hello;
  hello.wanted = "";
  EXPECT_EQ(refusal_of(hello), "");
}

TEST(PeerSession, RefusesWhatIsNoNodeOfThisKind) {
  Hello hello;
  hello.magic = 0x20544547;
  EXPECT_EQ(refusal_of(hello), "not a node of this kind");
}

TEST(PeerSession, RefusesWhoSpeaksNoProtocolOfItsOwnAndNamesBoth) {
  Hello hello;
  hello.newest = 99;
  hello.oldest = 98;
  const std::string own = "this node protocols " + std::to_string(protocol::kOldest) + " to " +
                          std::to_string(protocol::kNewest) + "; ";
  EXPECT_EQ(refusal_of(hello).find("speaks protocols 98 to 99, " + own), 0U);
  hello.newest = hello.oldest = 3;
  EXPECT_EQ(refusal_of(hello).find("speaks protocol 3, " + own), 0U);
}

TEST(PeerSession, TwoSpeakTheHighestThatBothKnow) {
  for (const auto& [one, other] :
       {std::pair(protocol::kOldest, protocol::kNewest), std::pair(protocol::kNewest, protocol::kOldest),
        std::pair(protocol::kNewest, protocol::kNewest)}) {
    PeerIdentity a = identity("a", 1);
    PeerIdentity b = identity("b", 2);
    a.protocol = one;
    b.protocol = other;
    Session from(Side::kDialler, a, "b", Instant{});
    Session to = acceptor(b);
    to.feed(from.take_output());
    from.feed(to.take_output());
    ASSERT_TRUE(from.established()) << from.failure();
    ASSERT_TRUE(to.established()) << to.failure();
    EXPECT_EQ(from.version(), std::min(one, other));
    EXPECT_EQ(to.version(), from.version());
    from.send({{}, Term{1}, HeartbeatResponse{Round{7}, {}, {}, {}, false, 3, 0, {}, LogRoom::kLow, {}, {}}});
    to.feed(from.take_output());
    const std::vector<Message> messages = to.take_messages();
    ASSERT_EQ(messages.size(), 1U) << to.failure();
    const auto& got = std::get<HeartbeatResponse>(messages[0].body);
    EXPECT_EQ(got.round, Round{7});
    EXPECT_EQ(got.room, from.version() >= protocol::kLogRoom ? LogRoom::kLow : LogRoom::kUnknown);
  }
}

// A later version may say more at the end than this one knows.
TEST(PeerSession, WhatALaterVersionAddsIsPassedOver) {
  Hello hello;
  hello.newest = protocol::kNewest + 1;
  Writer more(hello.added);
  more.u32(0);
  more.u64(3);
  more.u32(1);
  more.u64(77);
  more.bytes("something new");
  EXPECT_EQ(refusal_of(hello), "");
}

TEST(PeerSession, AHelloTellsTheLifeOfItsDisk) {
  PeerIdentity a = identity("a", 1);
  a.life = 7;
  a.processes = {70, 71};
  for (const protocol::Version version :
       {protocol::kDiskLives, protocol::Version{protocol::kDiskLives - 1}}) {
    a.protocol = version;
    Session from(Side::kDialler, a, "b", Instant{});
    Session to = acceptor(identity("b", 2));
    to.feed(from.take_output());
    ASSERT_TRUE(to.established()) << to.failure();
    const bool told = version >= protocol::kDiskLives;
    EXPECT_EQ(to.peer().life, told ? 7U : 0U);
    EXPECT_EQ(to.peer().processes.size(), told ? 2U : 0U);
  }
}

TEST(PeerSession, AClusterThatWasGivenUpMeetsTheOneThatGoesOn) {
  PeerIdentity old_one = identity("a", 1);
  PeerIdentity successor = identity("b", 2);
  old_one.cluster_id = ClusterId{{1, 1}};
  successor.cluster_id = ClusterId{{2, 2}};
  successor.former = {ClusterId{{9, 9}}, old_one.cluster_id};
  // Whoever dials, the one that was given up hears of it.
  Session from(Side::kDialler, old_one, "b", Instant{});
  Session to = acceptor(successor);
  to.feed(from.take_output());
  EXPECT_NE(to.failure().find("was given up and goes on as " + successor.cluster_id.hex()),
            std::string::npos);
  EXPECT_FALSE(to.successor());
  from.feed(to.take_output());
  ASSERT_TRUE(from.successor()) << from.failure();
  EXPECT_EQ(from.successor()->cluster_id, successor.cluster_id);
  Session back(Side::kDialler, successor, "a", Instant{});
  Session old_acceptor = acceptor(old_one);
  old_acceptor.feed(back.take_output());
  ASSERT_TRUE(old_acceptor.successor());
  EXPECT_EQ(old_acceptor.successor()->id, "b");
  // Any other cluster is merely another one.
  successor.former.clear();
  Session other(Side::kDialler, successor, "a", Instant{});
  Session third = acceptor(old_one);
  third.feed(other.take_output());
  EXPECT_FALSE(third.successor());
  EXPECT_FALSE(third.failure().empty());
}

TEST(PeerSession, RefusesWhoLooksForAnother) {
  Hello hello;
  hello.wanted = "c";
  EXPECT_EQ(refusal_of(hello), "looks for node c, this is b");
}

TEST(PeerSession, RefusesWhoIsNotTheOneDialled) {
  Session from = dialler("b");
  Session to = acceptor(identity("c", 3));
  Session any = dialler("");
  to.feed(any.take_output());
  ASSERT_TRUE(to.established());
  from.feed(to.take_output());
  EXPECT_EQ(from.failure(), "is node c, expected b");
  EXPECT_FALSE(from.established());
}

TEST(PeerSession, RefusesANamesake) {
  Hello hello;
  hello.self = identity("b", 2);
  hello.self.process = 1;
  EXPECT_EQ(refusal_of(hello), "has this node's own id b and its data directory");
  hello.self = identity("b", 9);
  EXPECT_EQ(refusal_of(hello), "has this node's own id b");
}

TEST(PeerSession, RefusesAnotherClusterAndNamesBoth) {
  Hello hello;
  hello.self.cluster_id = {{1, 3}};
  EXPECT_EQ(refusal_of(hello),
            "belongs to cluster " + hello.self.cluster_id.hex() + ", this node to " + kCluster.hex());
}

TEST(PeerSession, RefusesAHelloThatCannotBeRead) {
  const auto with = [](auto change) {
    Hello hello;
    change(hello.self);
    return refusal_of(hello);
  };
  const std::string unreadable = "a hello that can't be read";
  EXPECT_EQ(with([](PeerIdentity& p) { p.id = ""; }), unreadable);
  EXPECT_EQ(with([](PeerIdentity& p) { p.id = "a b"; }), unreadable);
  EXPECT_EQ(with([](PeerIdentity& p) { p.id = std::string(limits::kNodeIdBytesMax + 1, 'a'); }), unreadable);
  EXPECT_EQ(with([](PeerIdentity& p) { p.incarnation = {}; }), unreadable);
  EXPECT_EQ(with([](PeerIdentity& p) { p.peer_address = std::string(limits::kAddressBytesMax + 1, 'a'); }),
            unreadable);
  EXPECT_EQ(with([](PeerIdentity& p) { p.version = std::string(limits::kVersionBytesMax + 1, '1'); }),
            unreadable);
  Session longer = acceptor();
  longer.feed(frame(1, Hello{}.payload() + "x"));
  EXPECT_EQ(longer.failure(), unreadable);
}

TEST(PeerSession, RefusesEveryTruncatedHello) {
  const std::string whole = Hello{}.payload();
  for (size_t size = 0; size < whole.size(); ++size) {
    Session session = acceptor();
    session.feed(frame(1, std::string_view(whole).substr(0, size)));
    EXPECT_NE(session.failure(), "") << size << " bytes";
  }
}

TEST(PeerSession, RefusesASecondHello) {
  Link link;
  link.to.feed(frame(1, Hello{}.payload()));
  EXPECT_EQ(link.to.failure(), "a second hello");
}

TEST(PeerSession, NothingComesBeforeTheHello) {
  for (const int type : {2, 3, 4}) {
    Session session = acceptor();
    session.feed(frame(static_cast<uint8_t>(type), ""));
    EXPECT_EQ(session.failure(), "something else than a hello came first");
    EXPECT_FALSE(session.said_goodbye());
  }
}

TEST(PeerSession, AWrongChecksumEndsIt) {
  Link link;
  link.to.feed(frame(2, "", 1));
  EXPECT_EQ(link.to.failure(), "a frame with a wrong checksum");
}

// Flips any bit of a message's frame: it must never come through changed.
RC_GTEST_PROP(PeerSession, NoFlippedBitComesThrough, ()) {
  Link link;
  link.from.send(message(7));
  std::string bytes = link.from.take_output();
  const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << *rc::gen::inRange(0, 8)));
  feed_in_pieces(link.to, bytes);
  RC_ASSERT(link.to.take_messages().empty());
}

// Four gigabytes are announced: refused at the header, before anything is waited for or set aside.
TEST(PeerSession, AFrameThatIsTooLargeIsRefusedAtItsHeader) {
  const auto header = [](size_t size) {
    std::string bytes;
    Writer out(bytes);
    out.u32(static_cast<uint32_t>(size));
    out.u32(0);
    out.u8(2);
    return bytes;
  };
  for (const size_t size : {limits::kFrameBytesMax + 1, size_t{0xffffffff}}) {
    Link link;
    link.to.feed(header(size));
    EXPECT_NE(link.to.failure().find(std::to_string(limits::kFrameBytesMax)), std::string::npos);
  }
  Link link;
  link.to.feed(header(limits::kFrameBytesMax));
  EXPECT_EQ(link.to.failure(), "");
  Session stranger = acceptor();
  stranger.feed(header(4096));
  EXPECT_NE(stranger.failure(), "") << "who has not said hello gets less";
}

TEST(PeerSession, AnUnknownTypeEndsIt) {
  for (const int type : {0, 4, 255}) {
    Link link;
    link.to.feed(frame(static_cast<uint8_t>(type), ""));
    EXPECT_EQ(link.to.failure(), "a frame of an unknown type");
  }
}

TEST(PeerSession, AMessageThatCannotBeReadEndsIt) {
  Link link;
  link.to.feed(frame(2, "nonsense"));
  EXPECT_EQ(link.to.failure(), "a message that can't be read");
}

// Each direction has a connection of its own; messages the other way are not this protocol.
TEST(PeerSession, ADiallerTakesNoMessages) {
  Link link;
  std::string bytes;
  encode_message(bytes, message(1));
  link.from.feed(frame(2, bytes));
  EXPECT_EQ(link.from.failure(), "a message against the direction of the connection");
  EXPECT_TRUE(link.from.take_messages().empty());
}

TEST(PeerSession, AfterAFailureNothingIsTakenAnyMore) {
  Link link;
  link.from.send(message(1));
  link.to.feed(frame(9, ""));
  link.to.feed(link.from.take_output());
  EXPECT_TRUE(link.to.take_messages().empty());
  EXPECT_FALSE(link.to.established());
}

TEST(PeerSession, EitherEndMayLeaveOnPurpose) {
  Link link;
  link.from.send(message(1));
  link.from.goodbye();
  link.to.feed(link.from.take_output());
  EXPECT_TRUE(link.to.said_goodbye());
  EXPECT_EQ(link.to.failure(), "");
  EXPECT_EQ(tickets(link.to.take_messages()), std::vector<uint64_t>{1}) << "what came before it counts";
  link.to.goodbye();
  link.from.feed(link.to.take_output());
  EXPECT_TRUE(link.from.said_goodbye());
}

TEST(PeerSession, NobodyLeavesBeforeItCame) {
  Session session = acceptor();
  session.goodbye();
  EXPECT_EQ(session.take_output(), "");
}

RC_GTEST_PROP(PeerSession, SurvivesAnyBytes, (const std::string& bytes)) {
  Session fresh = *rc::gen::arbitrary<bool>() ? acceptor() : dialler();
  feed_in_pieces(fresh, bytes);
  Link link;
  feed_in_pieces(*rc::gen::arbitrary<bool>() ? link.to : link.from, bytes);
}

// Bytes inside a sound frame get further than bytes alone.
RC_GTEST_PROP(PeerSession, SurvivesAnyPayload, (const std::string& payload)) {
  Link link;
  const auto type = static_cast<uint8_t>(*rc::gen::inRange(0, 5));
  feed_in_pieces(*rc::gen::arbitrary<bool>() ? link.to : link.from, frame(type, payload));
  Session fresh = acceptor();
  feed_in_pieces(fresh, frame(1, payload));
  RC_ASSERT(!fresh.established());
}

}  // namespace
}  // namespace patronus::peer::peer_session_test
