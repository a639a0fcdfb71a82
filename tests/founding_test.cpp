// A cluster is founded once, by all its first nodes together, or not at all.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutant.h"
#include "core/founding.h"

#include "tests/raft_cluster.h"

namespace patronus::founding_test {
namespace {

using namespace std::chrono_literals;

PeerIdentity peer(const NodeId& id, ClusterId cluster = {}) {
  return {id, Incarnation{static_cast<uint64_t>(id.back())}, cluster, id + ":1", id + ":2", "0.1.0", false};
}

Boot boot(const NodeId& id) {
  Boot self;
  self.id = id;
  self.incarnation = peer(id).incarnation;
  self.peer_address = id + ":1";
  self.api_address = id + ":2";
  return self;
}

std::optional<Configuration> attempt(const Founding& founding, const NodeId& self, uint64_t seed = 1) {
  Random random(seed);
  return founding.try_found(boot(self), random);
}

class FoundingTest : public ::testing::Test {
 protected:
#ifdef PATRONUS_MUTANTS
  // The mutant of the whole process is put back whatever a test does.
  void TearDown() override { active_mutant = Mutant::kNone; }
#endif
};

TEST_F(FoundingTest, ANodeAloneFoundsAlone) {
  const auto founded = attempt(Founding(1), "a");
  ASSERT_TRUE(founded);
  ASSERT_EQ(founded->members.size(), 1U);
  EXPECT_EQ(founded->members[0], (Member{"a", peer("a").incarnation, "a:1", "a:2", Standing::kVoter}));
}

// Scenario 48 for damaged disks: who has lost one founds nothing, and is not counted as empty.
TEST_F(FoundingTest, WhoHasLostItsDiskFoundsNothing) {
  Founding founding(2);
  PeerIdentity lost = peer("b");
  lost.rebuilds = true;
  founding.link_up(lost);
  EXPECT_FALSE(attempt(founding, "a"));
  EXPECT_NE(founding.waits_for(boot("a")).find("node b has lost its disk"), std::string::npos);
  Boot self = boot("a");
  self.rebuilds = true;
  self.lost_cluster.words = {1, 2};
  Random random(1);
  founding.link_up(peer("b"));
  EXPECT_FALSE(founding.try_found(self, random));
  EXPECT_NE(founding.waits_for(self).find(self.lost_cluster.hex()), std::string::npos);
}

TEST_F(FoundingTest, TheLowestOfAllFounds) {
  Founding founding(3);
  founding.link_up(peer("c"));
  EXPECT_FALSE(attempt(founding, "a")) << "one is missing";
  founding.link_up(peer("b"));
  const auto founded = attempt(founding, "a");
  ASSERT_TRUE(founded);
  EXPECT_EQ(founded->voters(), 3U);
  // It must be one that the log takes.
  EXPECT_EQ(decode_configuration(encode_configuration(*founded)), founded);
  EXPECT_EQ(founded->find("b")->incarnation, peer("b").incarnation);
  EXPECT_EQ(founded->find("c")->peer_address, "c:1");
}

TEST_F(FoundingTest, NobodyElseFounds) {
  Founding founding(3);
  founding.link_up(peer("a"));
  founding.link_up(peer("c"));
  EXPECT_FALSE(attempt(founding, "b"));
  EXPECT_EQ(founding.waits_for(boot("b")), "all nodes are present; a founds the cluster");
}

TEST_F(FoundingTest, WhoLeftIsNotPresent) {
  Founding founding(3);
  founding.link_up(peer("b"));
  founding.link_up(peer("c"));
  founding.link_lost("b");
  EXPECT_FALSE(attempt(founding, "a"));
  EXPECT_EQ(founding.waits_for(boot("a")), "founding a cluster needs all 3 nodes; 2 present");
}

// The nodes of a running cluster lost one disk: the empty node must not found another beside it.
TEST_F(FoundingTest, NobodyFoundsBesideACluster) {
  Founding founding(3);
  founding.link_up(peer("b"));
  founding.link_up(peer("c", {{7, 8}}));
  EXPECT_FALSE(attempt(founding, "a"));
  const std::string belongs = "node c belongs to cluster " + ClusterId{{7, 8}}.hex();
  EXPECT_TRUE(founding.waits_for(boot("a")).starts_with(belongs)) << founding.waits_for(boot("a"));
}

// More nodes than were meant to be there: somebody's configuration is wrong, and which is not known.
TEST_F(FoundingTest, NobodyFoundsWithMoreThanWereMeant) {
  Founding founding(2);
  founding.link_up(peer("b"));
  founding.link_up(peer("c"));
  EXPECT_FALSE(attempt(founding, "a"));
}

// ---- Where a name leads to the nodes, and there may be more of them than are to found the cluster.

class FoundingByName : public FoundingTest {
 protected:
  FoundingByName() {
    founding.searches("");
    founding.link_up(peer("b"));
  }
  Founding founding{3, true};
};

TEST_F(FoundingByName, AllAreKnownFirst) {
  Founding fresh(2, true);
  fresh.link_up(peer("b"));
  EXPECT_FALSE(attempt(fresh, "a")) << "nobody has looked yet";
  founding.searches("somebody has not answered");
  founding.link_up(peer("c"));
  EXPECT_FALSE(attempt(founding, "a"));
  EXPECT_EQ(founding.waits_for(boot("a")), "all nodes are present; somebody has not answered");
  founding.searches("");
  EXPECT_TRUE(attempt(founding, "a"));
}

TEST_F(FoundingByName, WhatIsSearchedIsSaidWithWhoIsMissing) {
  founding.searches("the name leads nowhere");
  EXPECT_EQ(founding.waits_for(boot("a")),
            "founding a cluster needs all 3 nodes; 2 present; the name leads nowhere");
}

TEST_F(FoundingByName, OneTooManyIsSaid) {
  founding.link_up(peer("c"));
  founding.link_up(peer("d"));
  EXPECT_FALSE(attempt(founding, "a"));
  EXPECT_NE(founding.waits_for(boot("a")).find("4 are present"), std::string::npos)
      << founding.waits_for(boot("a"));
  founding.link_lost("c");
  EXPECT_TRUE(attempt(founding, "a"));
}

TEST_F(FoundingByName, WhoHasComeInCountsBeforeItIsReached) {
  founding.link_up(peer("c"));
  founding.came("c");
  founding.came("d");
  EXPECT_FALSE(attempt(founding, "a"));
  EXPECT_EQ(founding.waits_for(boot("a")), "node d has come and is not reached yet");
  founding.left("d");
  EXPECT_TRUE(attempt(founding, "a"));
}

TEST_F(FoundingTest, AListSaysWhoIsMeant) {
  Founding founding(2);
  founding.link_up(peer("b"));
  founding.came("d");
  EXPECT_TRUE(attempt(founding, "a")) << "whoever knocks is none of them";
}

// Of more nodes than were meant, each of which knows all that are there or started before it, and whoever
// reaches it: never two found a cluster, whatever the order in which links come up.
RC_GTEST_PROP(FoundingProperty, TwoClustersAreNeverFounded, ()) {
  const auto nodes = *rc::gen::inRange<size_t>(2, 9);
  const auto wanted = *rc::gen::inRange<size_t>(2, nodes + 1);
  std::vector<Founding> all(nodes, Founding(wanted, true));
  const auto name = [](size_t node) { return "n" + std::to_string(node); };
  std::vector<std::set<size_t>> reached(nodes);
  std::set<size_t> founded;  // who is in a cluster
  size_t clusters = 0;
  // Node x's view: the first so many that are there, with itself. Nodes come up in the order of a
  // permutation.
  std::vector<size_t> order(nodes);
  for (size_t i = 0; i < nodes; ++i) order[i] = i;
  for (size_t i = nodes; i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<size_t>(0, i)]);
  std::vector<std::pair<size_t, size_t>> dials;
  for (size_t i = 0; i < nodes; ++i) {
    for (size_t j = 0; j < i; ++j) {
      dials.emplace_back(order[i], order[j]);
      dials.emplace_back(order[j], order[i]);
    }
  }
  std::vector<size_t> views(nodes);  // how many of the order the node's name leads to; at least up to itself
  for (size_t i = 0; i < nodes; ++i) views[order[i]] = *rc::gen::inRange<size_t>(i + 1, nodes + 1);
  for (size_t i = dials.size(); i > 1; --i) std::swap(dials[i - 1], dials[*rc::gen::inRange<size_t>(0, i)]);
  for (const auto& [from, to] : dials) {
    const auto place = static_cast<size_t>(std::find(order.begin(), order.end(), to) - order.begin());
    if (place >= views[from]) continue;
    reached[from].insert(to);
    all[from].link_up(peer(name(to), founded.contains(to) ? ClusterId{{1, 1}} : ClusterId{}));
    all[to].came(name(from));
    for (size_t self = 0; self < nodes; ++self) {
      const bool knows_all = reached[self].size() + 1 >= views[self];
      all[self].searches(knows_all ? "" : "others");
      if (founded.contains(self) || !attempt(all[self], name(self))) continue;
      ++clusters;
      founded.insert(self);
      for (const size_t member : reached[self]) founded.insert(member);
    }
  }
  RC_ASSERT(clusters <= 1U);
}

TEST_F(FoundingTest, TwoWipedNodesOfThreeFoundNothing) {
  Founding founding(3);
  founding.link_up(peer("b"));
  EXPECT_FALSE(attempt(founding, "a"));
}

#ifdef PATRONUS_MUTANTS
// Without the protection the same two wiped nodes found a second cluster.
TEST_F(FoundingTest, TheMutantFoundsWithAMajority) {
  active_mutant = Mutant::kFoundWithMajority;
  Founding founding(3);
  founding.link_up(peer("b"));
  EXPECT_TRUE(attempt(founding, "a"));
}
#endif

TEST_F(FoundingTest, EveryClusterHasANameOfItsOwn) {
  const auto one = attempt(Founding(1), "a", 1);
  const auto other = attempt(Founding(1), "a", 2);
  EXPECT_TRUE(one->cluster_id);
  EXPECT_NE(one->cluster_id, other->cluster_id);
}

// Of any number of nodes that all see each other, just one founds.
RC_GTEST_PROP(FoundingProperty, JustOneFounds, ()) {
  const auto nodes = *rc::gen::inRange<size_t>(1, 8);
  size_t founders = 0;
  for (size_t self = 0; self < nodes; ++self) {
    Founding founding(nodes);
    for (size_t other = 0; other < nodes; ++other) {
      if (other != self) founding.link_up(peer("n" + std::to_string(other)));
    }
    if (attempt(founding, "n" + std::to_string(self))) ++founders;
  }
  RC_ASSERT(founders == 1U);
}

// What is left of a lost majority goes on alone: all of its log is committed, under another cluster's name.
TEST(FoundingAnew, OneNodeOfALostClusterGoesOnWithAllItHas) {
  test::RaftCluster cluster(3);
  cluster.run(3s);
  const size_t leader = cluster.leader();
  ASSERT_LT(leader, 3U);
  const size_t survivor = (leader + 1) % 3;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(cluster.propose(leader, "kept"));
  cluster.run(300ms);
  // The last one reaches the survivor and is not known there to be committed.
  cluster.cut_one_way(survivor, leader);
  ASSERT_TRUE(cluster.propose(leader, "the last"));
  const Index end = cluster.raft(survivor).log().last_index();
  for (const size_t lost : {leader, (leader + 2) % 3}) cluster[lost].down = true;
  cluster.run(5s);
  EXPECT_FALSE(cluster.raft(survivor).is_leader());
  cluster.boot(survivor);
  const ClusterId fresh{{5, 5}};
  const Term before = cluster.raft(survivor).term();
  cluster.step(survivor, [&](Raft& raft, Effects& out) {
    raft.found_anew(cluster.now(), fresh,
                    {cluster[survivor].id, Incarnation{survivor + 1}, "p:1", "a:1", Standing::kVoter}, out);
  });
  cluster.deliver();
  cluster.run(1s);
  const Raft& raft = cluster.raft(survivor);
  ASSERT_TRUE(raft.is_leader());
  EXPECT_GT(raft.term(), before);
  EXPECT_EQ(raft.hard_state().cluster_id, fresh);
  EXPECT_GT(raft.commit(), end);
  EXPECT_EQ(raft.log().configuration()->members.size(), 1U);
  EXPECT_EQ(raft.log().at(end).payload.view(), "the last");
  // What it founded is on its disk.
  EXPECT_EQ(cluster[survivor].disk.cluster_id, fresh);
  // Those of the former cluster are strangers to it, and it to them.
  for (const size_t lost : {leader, (leader + 2) % 3}) cluster.boot(lost);
  cluster.heal();
  cluster.run(5s);
  EXPECT_TRUE(cluster.raft(survivor).is_leader());
  EXPECT_NE(cluster.raft(leader).hard_state().cluster_id, fresh);
}

// Members of a cluster that was given up, back from the dead: they would be a majority.
TEST(FoundingAnew, ThoseThatWereGivenUpDoNotComeBackToLife) {
  test::RaftCluster cluster(3);
  cluster.run(3s);
  ASSERT_LT(cluster.leader(), 3U);
  for (size_t i = 0; i < 3; ++i) cluster[i].down = true;
  for (size_t i = 0; i < 3; ++i) cluster.boot(i);
  cluster[2].down = true;
  cluster.raft(0).abstain();
  cluster.run(10s);
  EXPECT_EQ(cluster.leader(), SIZE_MAX) << "one asks for a vote and one gives none";
  // Where a leader is heard after all, it is a member like any other.
  cluster.boot(2);
  cluster.run(3s);
  const size_t leader = cluster.leader();
  ASSERT_LT(leader, 3U);
  EXPECT_NE(leader, 0U);
  cluster[leader].down = true;
  cluster.run(10s);
  EXPECT_LT(cluster.leader(), 3U) << "its vote is needed, and given";
}

}  // namespace
}  // namespace patronus::founding_test
