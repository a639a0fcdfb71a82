// Links to the nodes behind a name: one to each, none to this node itself, and all of them again when every
// address changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/limits.h"

#include "tests/peer_links_fixture.h"

namespace patronus::peer_links_name_test {
namespace {

using namespace std::chrono_literals;
using test::identity;
using test::kAccepted;
using test::Links;
using Lines = std::vector<std::string>;

// Node a among others that answer at their addresses, at once.
class Named {
 public:
  explicit Named(bool proves = true) : links("a", {}, Address{"nodes.test", 7443}), proves_(proves) {
    links->start(now);
  }

  // Time passes; whoever is dialled answers, or nobody does and the machine refuses.
  void run(Duration time, Duration step = 100ms) {
    for (const Instant end = now + time; now < end; now = now + step) {
      if (links.look_ups > answered_) {
        answered_ = links.look_ups;
        links->looked_up(resolves ? NameAnswer{records, ""} : NameAnswer{{}, "unknown node or service"}, now);
      }
      links->wake(now);
      while (met_ < links.dialled.size()) meet(++met_);
    }
  }
  void lose(const NodeId& id, LinkEnd how = LinkEnd::kReset) {
    const ConnId conn = std::exchange(conns[id], 0);
    ASSERT_NE(conn, 0U);
    links->ended(conn, how, now);
  }
  size_t dials(const std::string& address) const {
    return static_cast<size_t>(std::count(links.dialled.begin(), links.dialled.end(), address));
  }
  bool is_closed(ConnId conn) const {
    return std::find(links.closed.begin(), links.closed.end(), conn) != links.closed.end();
  }

  Links links;
  Instant now{1'000'000'000};
  std::vector<std::string> records;
  bool resolves = true;
  std::map<std::string, NodeId> nodes;  // by address
  std::set<std::string> silent_places;  // not even refused
  std::map<NodeId, ConnId> conns;       // that they were asked to talk on last
  std::vector<ConnId> silent;           // on which nothing was said

 private:
  void meet(ConnId conn) {
    const std::string address = links.dialled[conn - 1];
    if (silent_places.contains(address)) return;
    const auto node = nodes.find(address);
    if (node == nodes.end()) {
      links->ended(conn, LinkEnd::kRefused, now);
      return;
    }
    if (proves_) links.proven[conn] = node->second;
    links->dialled(conn, now);
    if (links.output[conn].empty()) {
      silent.push_back(conn);
      return;
    }
    if (node->second != "a") conns[node->second] = conn;
    peer::Session answering(peer::Side::kAcceptor, identity(node->second), "", now);
    answering.feed(links.output[conn]);
    links->received(conn, answering.take_output(), now);
  }

  bool proves_;
  size_t answered_ = 0;
  size_t met_ = 0;
};

// a at .1, b at .2, c at .3
struct Three : Named {
  explicit Three(bool proves = true) : Named(proves) {
    records = {"10.0.0.1:7443", "10.0.0.2:7443", "10.0.0.3:7443"};
    nodes = {{"10.0.0.1:7443", "a"}, {"10.0.0.2:7443", "b"}, {"10.0.0.3:7443", "c"}};
  }
};

TEST(PeersByName, AreLinkedOnceEach) {
  Three all;
  all.run(1min);
  EXPECT_EQ(all.links.up, (std::vector<NodeId>{"b", "c"}));
  EXPECT_TRUE(all.links.lost.empty());
  EXPECT_EQ(all.dials("10.0.0.2:7443"), 1U);
  EXPECT_EQ(all.links.lines, Lines{"nodes.test leads to 10.0.0.1:7443, 10.0.0.2:7443, 10.0.0.3:7443"});
}

// Whether a disk went back in time is known once its node is dialled anew. Where a link by another address
// stayed, nobody would be (the simulator's seed 700: a node that never heard its leader again); and what was
// said before the question, there or on the way, is no answer to it (seed 3903: a sound disk that was set
// aside).
TEST(PeersByName, WhoIsToBeDialledAnewIsByEveryAddress) {
  Links a("a", {{"b", "b.test:7443"}}, Address{"nodes.test", 7443});
  Instant now{1'000'000'000};
  a->start(now);
  a->looked_up({{"10.0.0.2:7443", "10.0.0.9:7443"}, ""}, now);
  a->wake(now);
  ASSERT_EQ(a.dialled, (Lines{"b.test:7443", "10.0.0.2:7443", "10.0.0.9:7443"}));
  a->dialled(2, now);
  peer::Session answering(peer::Side::kAcceptor, identity("b"), "", now);
  answering.feed(a.output[2]);
  a->received(2, answering.take_output(), now);
  ASSERT_EQ(a.up, std::vector<NodeId>{"b"});
  a->redial("b", now);
  EXPECT_EQ(a.closed, (std::vector<ConnId>{1, 2, 3})) << "nobody knows yet whose the last address is";
  EXPECT_EQ(a.lost, std::vector<NodeId>{"b"});
  a->wake(now);
  EXPECT_GT(a.dialled.size(), 3U);
}

// Where nothing is proven before a node says who it is, a second stream to it ends the first. What was lost
// by that is not to be dialled again, or the two addresses would end each other's streams for ever (found by
// libFuzzer as a storm).
TEST(PeersByName, TwoAddressesOfANodeDoNotTakeTurns) {
  Links a("a", {}, Address{"nodes.test", 7443});
  Instant now{1'000'000'000};
  a->start(now);
  a->set_targets({{"b", "b.test:7443"}}, now);
  a->looked_up({{"10.0.0.2:7443"}, ""}, now);
  a->wake(now);
  ASSERT_EQ(a.dialled, (Lines{"b.test:7443", "10.0.0.2:7443"}));
  const auto meet = [&](ConnId conn) {
    a->dialled(conn, now);
    peer::Session answering(peer::Side::kAcceptor, identity("b"), "", now);
    answering.feed(a.output[conn]);
    a->received(conn, answering.take_output(), now);
  };
  meet(1);
  a->ended(1, LinkEnd::kEndOfFile, now);
  meet(2);
  EXPECT_EQ(a.up, (std::vector<NodeId>{"b", "b"}));
  a->wake(now);
  EXPECT_EQ(a.dialled.size(), 2U);
  for (const Instant end = now + 1min; now < end; now = now + 100ms) a->wake(now);
  EXPECT_EQ(a.dialled.size(), 2U) << "b is linked all the time";
  EXPECT_TRUE(a.gone.empty());
}

// Nor is what was being dialled for it already to go on: it would end the link that stands.
TEST(PeersByName, WhoIsMetIsAskedAboutNoMore) {
  Links a("a", {}, Address{"nodes.test", 7443});
  const Instant now{1'000'000'000};
  a->start(now);
  a->set_targets({{"b", "b.test:7443"}}, now);
  a->looked_up({{"10.0.0.2:7443"}, ""}, now);
  a->wake(now);
  const auto meet = [&](ConnId conn) {
    a->dialled(conn, now);
    peer::Session answering(peer::Side::kAcceptor, identity("b"), "", now);
    answering.feed(a.output[conn]);
    a->received(conn, answering.take_output(), now);
  };
  meet(1);
  a->ended(1, LinkEnd::kEndOfFile, now);
  a->wake(now);
  ASSERT_EQ(a.dialled.size(), 3U) << "whether b is gone";
  meet(2);
  EXPECT_EQ(a.closed.back(), 3U);
  EXPECT_TRUE(a.gone.empty());
}

// What is known to be about another node is left to it.
TEST(PeersByName, OthersAreNotDialledAnew) {
  Links a("a", {}, Address{"nodes.test", 7443});
  const Instant now{1'000'000'000};
  a->start(now);
  a->looked_up({{"10.0.0.3:7443", "10.0.0.4:7443"}, ""}, now);
  a->wake(now);
  ASSERT_EQ(a.dialled.size(), 2U);
  a.proven = {{1, "c"}, {2, "d"}};
  a->dialled(1, now);
  a->dialled(2, now);
  peer::Session answering(peer::Side::kAcceptor, identity("d"), "", now);
  answering.feed(a.output[2]);
  a->received(2, answering.take_output(), now);
  a->ended(2, LinkEnd::kEndOfFile, now);
  a->wake(now);
  ASSERT_EQ(a.dialled.size(), 3U) << "whether d is gone";
  const std::vector<ConnId> closed = a.closed;
  a->redial("b", now);
  EXPECT_EQ(a.closed, closed) << "neither c, who has said who it is, nor the question about d";
}

// Dialled by itself, a node would else go on for ever, and complain of it at both ends.
TEST(PeersByName, ThisNodeItselfIsLeftAlone) {
  Three all;
  all.run(limits::kNameRest - 1s);
  EXPECT_EQ(all.dials("10.0.0.1:7443"), 1U);
  all.run(2s);
  EXPECT_EQ(all.dials("10.0.0.1:7443"), 2U) << "the address may be another node's by then";
  EXPECT_EQ(all.links.lines.size(), 1U);
}

TEST(PeersByName, TheDoorIsNotComplainedOfEither) {
  Links a("a");
  ASSERT_TRUE(a->accept(kAccepted, Instant{0}));
  peer::Session itself(peer::Side::kDialler, identity("a"), "", Instant{0});
  a->received(kAccepted, itself.take_output(), Instant{0});
  EXPECT_TRUE(a.lines.empty()) << a.lines[0];
  EXPECT_EQ(a.closed, std::vector<ConnId>{kAccepted});
  itself.feed(a.output[kAccepted]);
  EXPECT_EQ(itself.failure(), "is this node itself");
  EXPECT_TRUE(itself.met_itself()) << "the dialling end must know where it has come to";
}

TEST(PeersByName, ListedByMistakeThisNodeIsNamedOnce) {
  Links a("a", {{"", "here:7443"}});
  a->start(Instant{0});
  Instant now{0};
  while (now < Instant{0} + limits::kNameRest - 1s) {
    if (a->owns(a.last_dialled)) {
      a->dialled(a.last_dialled, now);
      peer::Session itself(peer::Side::kAcceptor, identity("a"), "", now);
      itself.feed(a.output[a.last_dialled]);
      a->received(a.last_dialled, itself.take_output(), now);
    }
    now = now + 1s;
    a->wake(now);
  }
  EXPECT_EQ(a.lines, Lines{"the node at here:7443 is this node itself"});
  EXPECT_EQ(a.dialled.size(), 1U);
}

// A second stream would end the first at the other end, and then that one's redial the second.
TEST(PeersByName, TwoAddressesOfANodeAreOneLink) {
  Three all;
  all.records.push_back("[fd00::2]:7443");
  all.nodes["[fd00::2]:7443"] = "b";
  all.run(limits::kNameRest - 1s);
  EXPECT_EQ(all.links.up.size(), 2U);
  EXPECT_TRUE(all.links.lost.empty());
  EXPECT_EQ(all.dials("10.0.0.2:7443"), 1U);
  EXPECT_EQ(all.dials("[fd00::2]:7443"), 1U);
  EXPECT_EQ(all.silent.size(), 1U) << "the certificate is enough to know it by";
  all.run(1min);
  EXPECT_EQ(all.dials("[fd00::2]:7443"), 2U) << "another node may have it by now";
  EXPECT_EQ(all.silent.size(), 2U);
  all.lose("b");
  all.nodes.erase("10.0.0.2:7443");
  all.run(3s);
  EXPECT_EQ(all.links.up.back(), "b") << "by the other address";
}

// As at a start, when the state and the name are dialled at the same time.
TEST(PeersByName, ANodeThatIsSaidHelloIsNotSaidItAgain) {
  Links a("a", {}, Address{"nodes.test", 7443});
  a->start(Instant{0});
  a->set_targets({{"b", "b:7443"}}, Instant{0});
  a->looked_up({{"10.0.0.2:7443"}, ""}, Instant{0});
  a->wake(Instant{0});
  ASSERT_EQ(a.dialled, (Lines{"b:7443", "10.0.0.2:7443"}));
  for (const ConnId conn : {ConnId{1}, ConnId{2}}) {
    a.proven[conn] = "b";
    a->dialled(conn, Instant{0});
  }
  EXPECT_EQ(a.output[2], "");
  EXPECT_EQ(a.closed, std::vector<ConnId>{2});
  // What was said first comes to nothing, and the other way is free.
  a->ended(1, LinkEnd::kTimeout, Instant{0} + 2s);
  a->wake(Instant{0} + 2s);
  ASSERT_EQ(a.last_dialled, 3U);
  EXPECT_EQ(a.dialled.back(), "10.0.0.2:7443");
  a.proven[3] = "b";
  a->dialled(3, Instant{0} + 2s);
  EXPECT_NE(a.output[3], "");
}

TEST(PeersByName, WhereNothingIsProvenASecondAddressIsDialledOnceOnly) {
  Three all(false);
  all.records.push_back("[fd00::2]:7443");
  all.nodes["[fd00::2]:7443"] = "b";
  all.run(10min);
  EXPECT_EQ(all.dials("[fd00::2]:7443"), 1U);
  EXPECT_EQ(all.links.up.size(), 2U);
}

TEST(PeersByName, AMemberIsNotDialledWhereItIsKnownToo) {
  Three all;
  all.run(1s);
  all.links->set_targets({{"b", "b:7443"}, {"c", "c:7443"}}, all.now);
  all.run(1min);
  EXPECT_EQ(all.dials("b:7443"), 0U);
  // And is, when the name leads to it no longer.
  all.nodes.erase("10.0.0.2:7443");
  all.nodes["b:7443"] = "b";
  all.records = {"10.0.0.1:7443", "10.0.0.3:7443"};
  all.lose("b");
  all.run(3s);
  EXPECT_EQ(all.links.up, (std::vector<NodeId>{"b", "c", "b"}));
  all.run(limits::kNameAddressKept);
  const size_t before = all.dials("10.0.0.2:7443");
  all.run(1min);
  EXPECT_EQ(all.dials("10.0.0.2:7443"), before) << "its record is gone";
  EXPECT_EQ(all.links.up.size(), 3U);
}

TEST(PeersByName, ALinkThatStandsOutlivesItsRecord) {
  Three all;
  all.run(1s);
  all.records = {"10.0.0.1:7443", "10.0.0.3:7443"};
  all.run(2min);
  EXPECT_TRUE(all.links.lost.empty());
  EXPECT_FALSE(all.is_closed(all.conns["b"]));
  all.lose("b");
  all.nodes.erase("10.0.0.2:7443");
  all.run(10s);
  const size_t before = all.dials("10.0.0.2:7443");
  all.run(1min);
  EXPECT_EQ(all.dials("10.0.0.2:7443"), before);
}

TEST(PeersByName, AllAddressesChangeAtOnce) {
  Three all;
  all.run(1min);
  all.links->set_targets({{"b", "10.0.0.2:7443"}, {"c", "10.0.0.3:7443"}}, all.now);
  all.nodes = {{"10.0.1.1:7443", "a"}, {"10.0.1.2:7443", "b"}, {"10.0.1.3:7443", "c"}};
  all.records = {"10.0.1.1:7443", "10.0.1.2:7443", "10.0.1.3:7443"};
  all.lose("b");
  all.lose("c");
  all.run(3s);
  EXPECT_EQ(all.links.up, (std::vector<NodeId>{"b", "c", "b", "c"}));
  // Another node is where one was.
  all.nodes["10.0.0.2:7443"] = "d";
  all.records.push_back("10.0.0.2:7443");
  all.run(20s);
  EXPECT_EQ(all.links.up.back(), "d");
}

// Where it was reached, a machine is gone without a word; each dial there takes its time.
TEST(PeersByName, APlaceThatIsSilentHoldsNoOtherUp) {
  for (Duration offset{0}; offset < 1s; offset += 100ms) {
    Three all;
    all.records.push_back("10.0.0.4:7443");
    all.nodes["10.0.0.4:7443"] = "b";
    all.run(20s + offset);
    all.silent_places.insert("10.0.0.2:7443");
    all.lose("b", LinkEnd::kTimeout);
    all.run(1500ms);
    EXPECT_EQ(all.links.up, (std::vector<NodeId>{"b", "c", "b"})) << offset / 1ms;
  }
}

// Two streams to the same node at once would end each other there.
TEST(PeersByName, WhereNothingIsProvenOnlyOneWayIsTriedAtATime) {
  Three all(false);
  all.run(1s);
  all.links->set_targets({{"b", "b:7443"}}, all.now);
  all.run(1s);
  all.silent_places = {"10.0.0.2:7443", "b:7443"};
  all.lose("b", LinkEnd::kTimeout);
  const ConnId before = all.links.dialled.size();
  for (int i = 0; i < 200; ++i) {
    all.run(100ms);
    size_t under_way = 0;
    for (ConnId conn = 1; conn <= all.links.dialled.size(); ++conn)
      under_way +=
          all.silent_places.contains(all.links.dialled[conn - 1]) && conn > before && !all.is_closed(conn);
    EXPECT_LE(under_way, 1U);
  }
  EXPECT_GT(all.dials("b:7443"), 0U) << "both are tried";
  EXPECT_GT(all.dials("10.0.0.2:7443"), 2U);
}

// It still speaks to this node, so it is not gone; only its old place refuses. Its new one is not waited
// with.
TEST(PeersByName, AMoveOfANodeThatStillSpeaksIsFollowed) {
  Three all;
  all.run(1s);
  ASSERT_TRUE(all.links->accept(kAccepted + 1'000, all.now));
  peer::Session speaking(peer::Side::kDialler, identity("b"), "a", all.now);
  all.links->received(kAccepted + 1'000, speaking.take_output(), all.now);
  all.links->set_targets({{"b", "b:7443"}}, all.now);
  all.nodes.erase("10.0.0.2:7443");
  all.nodes["b:7443"] = "b";
  all.records = {"10.0.0.1:7443", "10.0.0.3:7443"};
  all.lose("b");
  all.run(3s);
  EXPECT_EQ(all.links.up.back(), "b");
  EXPECT_TRUE(all.links.gone.empty());
  all.run(limits::kNameAddressKept + 1min);
  const size_t before = all.dials("10.0.0.2:7443");
  all.run(1min);
  EXPECT_EQ(all.dials("10.0.0.2:7443"), before);
}

TEST(PeersByName, AFailureTakesNobodyAway) {
  Three all;
  all.run(1s);
  all.resolves = false;
  all.run(2min);
  EXPECT_TRUE(all.links.lost.empty());
  all.lose("b");
  all.run(3s);
  EXPECT_EQ(all.links.up.back(), "b");
  EXPECT_EQ(all.links.lines.size(), 2U) << "one for the fault";
}

TEST(PeersByName, AreAskedForAgainWhenSomebodyComesUnreached) {
  Three all;
  all.run(20s);
  const size_t before = all.links.look_ups;
  all.run(2s);
  all.records.push_back("10.0.0.4:7443");
  all.nodes["10.0.0.4:7443"] = "d";
  ASSERT_TRUE(all.links->accept(kAccepted + 1'000, all.now));
  peer::Session coming(peer::Side::kDialler, identity("d"), "", all.now);
  all.links->received(kAccepted + 1'000, coming.take_output(), all.now);
  all.run(2s);
  EXPECT_LE(all.links.look_ups, before + 3);
  EXPECT_EQ(all.links.up.back(), "d");
}

// ---- Whether all are known who are there, which founding waits for.

TEST(PeersSought, TheNameFirst) {
  Named all;
  EXPECT_EQ(all.links->sought(all.now), "nodes.test is being looked up");
  all.resolves = false;
  all.run(1s);
  EXPECT_EQ(all.links->sought(all.now), "nodes.test does not lead to any node: unknown node or service");
}

TEST(PeersSought, EveryAddressThen) {
  Three all;
  all.run(200ms);
  EXPECT_EQ(all.links->sought(all.now), "");
  all.records.push_back("10.0.0.9:7443");
  all.run(limits::kNameIntervalIdle + 500ms);
  EXPECT_EQ(all.links->sought(all.now), "nodes.test leads to 10.0.0.9:7443, where nobody has answered yet");
  all.run(limits::kFoundingPatience - 1s);
  EXPECT_NE(all.links->sought(all.now), "");
  all.run(1500ms);
  EXPECT_EQ(all.links->sought(all.now), "") << "nobody is there";
}

TEST(PeersSought, NobodyWhoIsListed) {
  Links a("a", {{"b", "b:7443"}});
  a->start(Instant{0});
  EXPECT_EQ(a->sought(Instant{0}), "");
}

// Whatever the name, members and strangers do: at most one link to a node, and a bound on dials under way.
TEST(PeersByName, ManyRecordsAreDialledUpToABound) {
  Named all;
  for (int i = 100; i < 200; ++i) all.records.push_back("10.0.0." + std::to_string(i) + ":7443");
  all.run(1min);
  const std::set<std::string> places(all.links.dialled.begin(), all.links.dialled.end());
  EXPECT_EQ(places.size(), limits::kNameAddressesMax);
  EXPECT_NE(all.links->sought(all.now).find("has 100 addresses"), std::string::npos);
  EXPECT_EQ(all.links.lines.size(), 2U);
}

}  // namespace
}  // namespace patronus::peer_links_name_test
