// Who is linked to whom: that a node must be the one its certificate proves, and when a peer's process is
// known to have ended.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/limits.h"

#include "tests/peer_links_fixture.h"

namespace patronus::peer_links_test {
namespace {

using namespace std::chrono_literals;
using test::identity;
using test::kAccepted;
using test::kCluster;
using test::Links;

// What a node of that id says first when it dials b, and a message after it.
std::string hello_and_message(const NodeId& id) {
  peer::Session session(peer::Side::kDialler, identity(id), "b", Instant{0});
  peer::Session answering(peer::Side::kAcceptor, identity("b"), "", Instant{0});
  std::string bytes = session.take_output();
  answering.feed(bytes);
  session.feed(answering.take_output());
  session.send({kCluster, Term{3}, ReadIndexRequest{1}});
  return bytes + session.take_output();
}

TEST(PeerLinks, TakeANodeThatIsWhoItProves) {
  Links b("b");
  b.proven[kAccepted] = "a";
  ASSERT_TRUE(b->accept(kAccepted, Instant{0}));
  b->received(kAccepted, hello_and_message("a"), Instant{0});
  EXPECT_EQ(b.messages_from, std::vector<NodeId>{"a"});
  EXPECT_TRUE(b.closed.empty());
}

// As in the simulator, and on loopback without TLS.
TEST(PeerLinks, TakeANodeWhereNothingIsProven) {
  Links b("b");
  ASSERT_TRUE(b->accept(kAccepted, Instant{0}));
  b->received(kAccepted, hello_and_message("a"), Instant{0});
  EXPECT_EQ(b.messages_from, std::vector<NodeId>{"a"});
}

TEST(PeerLinks, RefuseANodeThatSpeaksForAnother) {
  Links b("b");
  b.proven[kAccepted] = "c";
  ASSERT_TRUE(b->accept(kAccepted, Instant{0}));
  b->received(kAccepted, hello_and_message("a"), Instant{0});
  EXPECT_TRUE(b.messages_from.empty()) << "not even what came with the hello";
  EXPECT_EQ(b.output[kAccepted], "");
  EXPECT_EQ(b.closed, std::vector<ConnId>{kAccepted});
  EXPECT_EQ(b.lines,
            std::vector<std::string>{"a node that dialled shows a certificate of node c and says it is a"});
}

TEST(PeerLinks, RefuseToSendToANodeThatSpeaksForAnother) {
  Links a("a", {{"b", "b:7443"}});
  a->start(Instant{0});
  a->dialled(1, Instant{0});
  a.proven[1] = "c";
  peer::Session answering(peer::Side::kAcceptor, identity("b"), "", Instant{0});
  answering.feed(a.output[1]);
  a->received(1, answering.take_output(), Instant{0});
  EXPECT_TRUE(a.up.empty());
  EXPECT_EQ(a.closed, std::vector<ConnId>{1});
  EXPECT_EQ(a.lines,
            std::vector<std::string>{"the node at b:7443 shows a certificate of node c and says it is b"});
}

TEST(PeerLinks, SendToANodeThatIsWhoItProves) {
  Links a("a", {{"b", "b:7443"}});
  a->start(Instant{0});
  a->dialled(1, Instant{0});
  a.proven[1] = "b";
  peer::Session answering(peer::Side::kAcceptor, identity("b"), "", Instant{0});
  answering.feed(a.output[1]);
  a->received(1, answering.take_output(), Instant{0});
  EXPECT_EQ(a.up, std::vector<NodeId>{"b"});
}

// A node a that has a link to b, and b one to it.
struct Linked {
  Linked() : a("a", {{"b", "b:7443"}}) {
    a->start(Instant{0});
    a->dialled(1, Instant{0});
    answering.feed(a.output[1]);
    a->received(1, answering.take_output(), Instant{0});
    EXPECT_TRUE(a->accept(kAccepted, Instant{0}));
    a->received(kAccepted, hello_from_b(), Instant{0});
  }
  static std::string hello_from_b() {
    peer::Session session(peer::Side::kDialler, identity("b"), "a", Instant{0});
    return session.take_output();
  }
  // Dials what is due.
  void probe() { a->wake(now); }

  Links a;
  peer::Session answering{peer::Side::kAcceptor, identity("b"), "", Instant{0}};
  Instant now{1'000'000};
};

// ---- Nodes to reach besides those that were configured.

TEST(PeerTargets, AreDialledAndLetGo) {
  Links a("a", {{"b", "b:7443"}});
  a->start(Instant{0});
  a->set_targets({{"b", "b:7443"}, {"d", "d:7443"}}, Instant{1});
  EXPECT_EQ(a->deadline(), Instant{1});
  a->wake(Instant{1});
  EXPECT_EQ(a.dialled, (std::vector<std::string>{"b:7443", "d:7443"})) << "nobody is dialled twice";
  const ConnId to_d = a.last_dialled;
  a->set_targets({{"b", "b:7443"}}, Instant{2});
  EXPECT_EQ(a.closed, std::vector<ConnId>{to_d});
  for (int i = 0; i < 20; ++i) a->wake(a->deadline());
  EXPECT_EQ(std::count(a.dialled.begin(), a.dialled.end(), "d:7443"), 1);
  EXPECT_GT(std::count(a.dialled.begin(), a.dialled.end(), "b:7443"), 1);
}

// At first it may only be starting, or cut off: a cut must not lead around what an operator has configured.
void tries_the_other_place_after_a_while(Links& a, Instant since, const std::string& configured) {
  Instant now = since;
  const auto fail_and_dial_again = [&] {
    a->ended(a.last_dialled, LinkEnd::kRefused, now);
    now = std::max(now + 1ms, a->deadline());
    a->wake(now);
  };
  while (now - since < limits::kOtherAddressPatience) {
    ASSERT_EQ(a.dialled.back(), configured) << "after " << (now - since) / 1ms << " ms";
    fail_and_dial_again();
  }
  a.dialled.clear();
  for (int i = 0; i < 4; ++i) fail_and_dial_again();
  EXPECT_EQ(std::count(a.dialled.begin(), a.dialled.end(), configured), 2);
  EXPECT_EQ(std::count(a.dialled.begin(), a.dialled.end(), "elsewhere:7443"), 2);
}

TEST(PeerTargets, AConfiguredNodeThatMovedIsTriedAtBothPlaces) {
  Links a("a", {{"b", "old:7443"}});
  a->start(Instant{0});
  a->set_targets({{"b", "elsewhere:7443"}}, Instant{0});
  tries_the_other_place_after_a_while(a, Instant{0}, "old:7443");
}

TEST(PeerTargets, SoIsOneThatWasReachedBefore) {
  Linked world;
  Links& a = world.a;
  a->set_targets({{"b", "elsewhere:7443"}}, Instant{0});
  const Instant lost = Instant{0} + 60s;
  a->ended(1, LinkEnd::kReset, lost);
  a->wake(lost);
  tries_the_other_place_after_a_while(a, lost, "b:7443");
}

// An address without a name leads to a node that is also known by its name: one link is enough.
TEST(PeerTargets, ANodeThatIsLinkedIsNotDialledAgain) {
  Links a("a", {{"", "here:7443"}});
  a->start(Instant{0});
  a->dialled(1, Instant{0});
  peer::Session answering(peer::Side::kAcceptor, identity("b"), "", Instant{0});
  answering.feed(a.output[1]);
  a->received(1, answering.take_output(), Instant{0});
  a->set_targets({{"b", "b:7443"}}, Instant{1});
  a->wake(Instant{2});
  EXPECT_EQ(a.dialled, std::vector<std::string>{"here:7443"});
}

TEST(Visitors, AreReportedOnceAndAgainWhenTheyLeave) {
  Links b("b");
  ASSERT_TRUE(b->accept(kAccepted, Instant{0}));
  b->received(kAccepted, hello_and_message("a"), Instant{0});
  EXPECT_EQ(b.visits, std::vector<std::string>{"+a"});
  // It dials again, as another process, before the end of the former stream arrives.
  ASSERT_TRUE(b->accept(kAccepted + 1, Instant{0}));
  b->received(kAccepted + 1, hello_and_message("a"), Instant{0});
  b->ended(kAccepted, LinkEnd::kReset, Instant{0});
  b->ended(kAccepted + 1, LinkEnd::kReset, Instant{0});
  EXPECT_EQ(b.visits, (std::vector<std::string>{"+a", "-a", "+a", "-a"}));
}

TEST(PeerGone, WhenBothStreamsEndAndANewOneIsRefused) {
  Linked one;
  one.a->ended(1, LinkEnd::kReset, one.now);
  one.a->ended(kAccepted, LinkEnd::kReset, one.now);
  EXPECT_TRUE(one.a.gone.empty());
  one.probe();
  ASSERT_EQ(one.a.last_dialled, 2U) << "at once, not after the delay of a redial";
  one.a->ended(2, LinkEnd::kRefused, one.now);
  EXPECT_EQ(one.a.gone, (std::vector<std::pair<NodeId, bool>>{{"b", false}}));
}

TEST(PeerGone, NotWhileThePeerStillSpeaks) {
  Linked one;
  one.a->ended(1, LinkEnd::kReset, one.now);
  one.probe();
  one.a->ended(2, LinkEnd::kRefused, one.now);
  EXPECT_TRUE(one.a.gone.empty()) << "a firewall may refuse; the peer's own stream stands";
  one.a->ended(kAccepted, LinkEnd::kEndOfFile, one.now);
  EXPECT_EQ(one.a.gone.size(), 1U);
}

TEST(PeerGone, IsAskedAgainWhenAClosingDoorLetsAProbeIn) {
  Linked one;
  one.a->ended(1, LinkEnd::kEndOfFile, one.now);
  one.a->ended(kAccepted, LinkEnd::kEndOfFile, one.now);
  one.probe();
  one.a->dialled(2, one.now);
  one.a->ended(2, LinkEnd::kReset, one.now);
  EXPECT_TRUE(one.a.gone.empty());
  one.now = one.now + limits::kProbeInterval;
  one.probe();
  ASSERT_EQ(one.a.last_dialled, 3U);
  one.a->ended(3, LinkEnd::kRefused, one.now);
  EXPECT_EQ(one.a.gone.size(), 1U);
}

TEST(PeerGone, AMachineThatDoesNotAnswerProvesNothing) {
  Linked one;
  one.a->ended(1, LinkEnd::kTimeout, one.now);
  one.a->ended(kAccepted, LinkEnd::kTimeout, one.now);
  one.now = one.now + limits::kRedialDelayMax;
  one.probe();
  one.a->ended(one.a.last_dialled, LinkEnd::kRefused, one.now);
  EXPECT_TRUE(one.a.gone.empty());
}

TEST(PeerGone, AGoodbyeMakesItOnPurpose) {
  Linked one;
  one.answering.goodbye();
  one.a->received(1, one.answering.take_output(), one.now);
  one.a->ended(kAccepted, LinkEnd::kEndOfFile, one.now);
  one.probe();
  one.a->ended(one.a.last_dialled, LinkEnd::kRefused, one.now);
  EXPECT_EQ(one.a.gone, (std::vector<std::pair<NodeId, bool>>{{"b", true}}));
}

}  // namespace
}  // namespace patronus::peer_links_test
