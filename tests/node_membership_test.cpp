// A whole node at its door: whom it proposes to take in, whom it tells that it is out, and what it believes
// when it is told so itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "core/base/limits.h"
#include "core/node.h"

namespace patronus::node_membership_test {
namespace {

using namespace std::chrono_literals;

constexpr Incarnation kOwn{11};

PeerIdentity empty_node(const NodeId& id, Incarnation incarnation) {
  return {id, incarnation, {}, id + ":7443", id + ":8443", "test"};
}

// A node whose writes are done at once.
class OneNode {
 public:
  explicit OneNode(Boot boot) : node_(boot, "test", now()) {
    Effects effects;
    node_.start(now(), effects);
    take(std::move(effects));
  }

  void step(Event event) {
    Effects effects;
    node_.step(now(), std::move(event), effects);
    take(std::move(effects));
  }
  void run(Duration time) {
    const Instant end = now_ + time;
    while (now_ < end) {
      now_ = std::clamp(node_.deadline(), now_ + 1ms, end);
      step(Wake{});
    }
  }
  Node& operator*() { return node_; }
  Node* operator->() { return &node_; }
  const Members& members() const { return node_.store().members(); }
  WriteResult write(MemberOp op) {
    replies.clear();
    step(ClientWrite{RequestId{7}, std::move(op), std::nullopt, now_ + 1s, std::nullopt});
    WriteResult none;
    none.outcome = Outcome::kMaybeApplied;
    return replies.empty() ? none : replies.front();
  }
  std::vector<NotMember> told(const NodeId& id) const {
    std::vector<NotMember> all;
    for (const Send& send : sent) {
      const auto* said = std::get_if<NotMember>(&send.message.body);
      if (said != nullptr && send.to == id) all.push_back(*said);
    }
    return all;
  }

  std::vector<Send> sent;
  std::vector<WriteResult> replies;
  std::vector<std::string> removed;
  std::vector<NodeId> redials;

 private:
  Now now() const { return {now_, WallTime{1'700'000'000'000 + now_.ns / 1'000'000}}; }
  void take(Effects&& effects) {
    std::deque<PersistId> writes;
    for (Effect& effect : effects) {
      if (auto* send = std::get_if<Send>(&effect)) sent.push_back(std::move(*send));
      if (const auto* persist = std::get_if<Persist>(&effect)) writes.push_back(persist->id);
      if (auto* gone = std::get_if<Removed>(&effect)) removed.push_back(gone->reason);
      if (auto* redial = std::get_if<Redial>(&effect)) redials.push_back(redial->peer);
      if (auto* reply = std::get_if<Reply>(&effect)) replies.push_back(std::get<WriteResult>(reply->answer));
    }
    for (const PersistId id : writes) step(WriteDone{id});
  }

  Instant now_{1'000'000'000};
  Node node_;
};

Boot boot_of(bool auto_join) {
  Boot boot;
  boot.id = "a";
  boot.incarnation = kOwn;
  boot.peer_address = "a:7443";
  boot.api_address = "a:8443";
  boot.election_timeout = 500ms;
  boot.heartbeat_interval = 100ms;
  boot.auto_join = auto_join;
  boot.seed = 5;
  return boot;
}

// A cluster of one, which leads.
class Alone : public OneNode {
 public:
  explicit Alone(bool auto_join = true) : OneNode(boot_of(auto_join)) {
    run(2s);
    EXPECT_TRUE((**this).raft().is_leader());
    EXPECT_TRUE(members().is_wanted("a", kOwn));
  }
};

TEST(Door, AnEmptyNodeIsTakenIn) {
  Alone a;
  a.step(VisitorCame{empty_node("d", Incarnation{4})});
  a.run(1s);
  EXPECT_FALSE(a.members().wanted().contains("d")) << "it may be gone already";
  const std::vector<PeerTarget> targets = a->peer_targets();
  ASSERT_EQ(targets.size(), 1U) << "it is dialled, and nobody dials itself";
  EXPECT_EQ(targets[0].address, "d:7443");
  a.step(LinkUp{empty_node("d", Incarnation{4})});
  a.run(1s);
  EXPECT_TRUE(a.members().is_wanted("d", Incarnation{4}));
  EXPECT_EQ(a.members().wanted().at("d").admitted_by, "a");
  ASSERT_NE(a->raft().log().configuration()->find("d"), nullptr);
  EXPECT_EQ(a->raft().log().configuration()->find("d")->standing, Standing::kLearner);
}

// Its disk was damaged and set aside: it says to which cluster it belonged, has nothing, and is no new node.
TEST(Door, WhoHasLostItsDiskIsTakenInAgain) {
  Alone a(false);
  PeerIdentity lost = empty_node("d", Incarnation{4});
  lost.rebuilds = true;
  lost.cluster_id.words = {77, 78};
  a.step(VisitorCame{lost});
  EXPECT_TRUE(a->peer_targets().empty()) << "of another cluster";
  a.step(VisitorLeft{"d"});
  ASSERT_EQ(a.write(AdmitNodeOp{"d", Incarnation{3}, "d:7443", "d:8443", "x", {}}).outcome, Outcome::kOk);
  lost.cluster_id = a->raft().hard_state().cluster_id;
  a.step(VisitorCame{lost});
  a.run(1s);
  a.step(LinkUp{lost});
  a.run(1s);
  EXPECT_TRUE(a.members().is_wanted("d", Incarnation{4})) << "although new nodes wait for an operator's word";
  EXPECT_TRUE(a.told("d").empty());
}

TEST(Door, WhoHasLostItsDiskJoinsNoOtherCluster) {
  Boot boot = boot_of(true);
  boot.rebuilds = true;
  boot.lost_cluster.words = {1, 2};
  OneNode a(std::move(boot));
  EXPECT_TRUE(a->identity().rebuilds);
  EXPECT_EQ(a->identity().cluster_id, (ClusterId{{1, 2}}));
  a.step(PeerMessage{"b", Incarnation{2}, {{{8, 8}}, Term{3}, Heartbeat{}}});
  EXPECT_FALSE(a->raft().hard_state().cluster_id);
  a.step(PeerMessage{"b", Incarnation{2}, {{{1, 2}}, Term{3}, Heartbeat{}}});
  EXPECT_TRUE(a->raft().hard_state().cluster_id);
  EXPECT_FALSE(a->identity().rebuilds) << "it has joined";
}

TEST(Door, WithoutAutoJoinOnlyWhoIsExpectedIsTakenIn) {
  Alone a(false);
  a.step(VisitorCame{empty_node("d", Incarnation{4})});
  a.run(5s);
  a.step(LinkUp{empty_node("d", Incarnation{4})});
  a.run(5s);
  EXPECT_FALSE(a.members().wanted().contains("d"));
  EXPECT_EQ(a.write(AdmitNodeOp{"d", {}, "d:7443", "", "me", {}}).outcome, Outcome::kOk);
  a.run(1s);
  EXPECT_EQ(a.redials, std::vector<NodeId>{"d"}) << "whether it is still there";
  a.step(LinkLost{"d"});
  a.step(LinkUp{empty_node("d", Incarnation{4})});
  a.run(5s);
  EXPECT_TRUE(a.members().is_wanted("d", Incarnation{4}));
  EXPECT_EQ(a.members().wanted().at("d").admitted_by, "me");
}

// A machine lost power, and the stream of its former disk stands here still: whoever is dialled decides.
TEST(Door, AStreamThatHasOutlivedItsMachineIsNobody) {
  Alone a;
  a.step(VisitorCame{empty_node("d", Incarnation{4})});
  a.run(1s);
  a.step(LinkUp{empty_node("d", Incarnation{5})});
  a.run(5s);
  EXPECT_FALSE(a.members().wanted().contains("d"));
  // The new one comes itself.
  a.step(VisitorCame{empty_node("d", Incarnation{5})});
  a.run(1s);
  ASSERT_FALSE(a.redials.empty());
  a.step(LinkLost{"d"});
  a.step(LinkUp{empty_node("d", Incarnation{5})});
  a.run(2s);
  EXPECT_TRUE(a.members().is_wanted("d", Incarnation{5}));
}

// Two processes under one name: the second must not cost the first its place. Nor may a stream that has
// outlived its machine.
TEST(Door, AMemberThatIsHeardIsNotReplaced) {
  Alone a;
  EXPECT_EQ(a.write(AdmitNodeOp{"a", Incarnation{4}, "x:1", "", "b", kOwn}).outcome, Outcome::kBusy);
  a.step(VisitorCame{empty_node("a", Incarnation{4})});
  a.run(5s);
  EXPECT_TRUE(a.members().is_wanted("a", kOwn));
}

// A leader takes what a member says of itself for where it is, once it has long not been reached where it
// was: its stream may be one that has outlived its machine, and an address that an operator gave is not given
// up at once.
TEST(Door, AMemberThatIsNotReachedHasMovedAfterAWhile) {
  Alone a;
  EXPECT_EQ(a.write(AdmitNodeOp{"d", Incarnation{4}, "d:7443", "d:8443", "user me", {}}).outcome,
            Outcome::kOk);
  PeerIdentity moved = empty_node("d", Incarnation{4});
  moved.cluster_id = a->raft().hard_state().cluster_id;
  moved.peer_address = "elsewhere:7443";
  a.step(VisitorCame{moved});
  a.run(limits::kOtherAddressPatience - 1s);
  EXPECT_EQ(a.members().wanted().at("d").peer_address, "d:7443");
  a.run(3s);
  EXPECT_EQ(a.members().wanted().at("d").peer_address, "elsewhere:7443");
}

TEST(Door, ANodeOfAnotherClusterIsNobody) {
  Alone a;
  PeerIdentity other = empty_node("d", Incarnation{4});
  other.cluster_id.words = {9, 9};
  a.step(VisitorCame{other});
  a.step(LinkUp{other});
  a.run(5s);
  EXPECT_FALSE(a.members().wanted().contains("d"));
  EXPECT_TRUE(a.told("d").empty());
}

// Scenario 15.
TEST(Door, WhoWasRemovedIsToldSoAtMostOnceASecond) {
  Alone a;
  const PeerIdentity d = empty_node("d", Incarnation{4});
  ASSERT_EQ(a.write(AdmitNodeOp{"d", Incarnation{4}, "d:7443", "", "me", {}}).outcome, Outcome::kOk);
  ASSERT_EQ(a.write(RemoveNodeOp{"d"}).outcome, Outcome::kOk);
  a.step(VisitorCame{d});
  a.run(3s);
  EXPECT_FALSE(a.members().wanted().contains("d")) << "it does not come in again by itself";
  EXPECT_TRUE(a.told("d").empty()) << "there is no link to it yet";
  ASSERT_EQ(a->peer_targets().size(), 1U);
  a.step(LinkUp{d});
  a.run(4s);
  const std::vector<NotMember> told = a.told("d");
  EXPECT_GE(told.size(), 3U);
  EXPECT_LE(told.size(), 5U);
  EXPECT_TRUE(told.front().removed);
  a.step(VisitorLeft{"d"});
  EXPECT_TRUE(a->peer_targets().empty());
}

TEST(Guard, TheLastVoterStays) {
  Alone a;
  EXPECT_EQ(a.write(RemoveNodeOp{"a"}).outcome, Outcome::kWouldBreakQuorum);
  EXPECT_EQ(a.write(RemoveNodeOp{"a", true}).outcome, Outcome::kWouldBreakQuorum);
  EXPECT_EQ(a.write(RemoveNodeOp{"z"}).outcome, Outcome::kNotFound);
}

// A member of three that is alone.
class Told : public OneNode {
 public:
  Told() : OneNode(booted()) {}
  void hear(const NodeId& from, Incarnation incarnation, NotMember said, ClusterId cluster = {{1, 2}}) {
    step(PeerMessage{from, incarnation, {cluster, Term{1}, said}});
  }

 private:
  static Boot booted() {
    Boot boot = boot_of(true);
    boot.hard.term = Term{1};
    boot.hard.cluster_id.words = {1, 2};
    Configuration first{boot.hard.cluster_id, {}};
    first.members.push_back({"a", kOwn, "", "", Standing::kVoter});
    first.members.push_back({"b", Incarnation{2}, "", "", Standing::kVoter});
    first.members.push_back({"c", Incarnation{3}, "", "", Standing::kVoter});
    boot.entries = {{Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(first))}};
    return boot;
  }
};

TEST(NotMember, IsBelievedFromAMemberWhoseConfigurationIsLater) {
  Told a;
  a.hear("b", Incarnation{2}, {Index{1}, false});
  EXPECT_TRUE(a.removed.empty()) << "it knows no more than this node";
  a.hear("x", Incarnation{9}, {Index{50}, false});
  EXPECT_TRUE(a.removed.empty()) << "nobody knows it";
  a.hear("b", Incarnation{77}, {Index{50}, false});
  EXPECT_TRUE(a.removed.empty()) << "another disk";
  a.hear("b", Incarnation{2}, {Index{50}, true}, {{8, 8}});
  EXPECT_TRUE(a.removed.empty()) << "another cluster";
  a.hear("b", Incarnation{2}, {Index{50}, false});
  ASSERT_EQ(a.removed.size(), 1U);
  EXPECT_NE(a.removed[0].find("may be deleted"), std::string::npos);
  a.hear("b", Incarnation{2}, {Index{51}, false});
  EXPECT_EQ(a.removed.size(), 1U) << "once is enough";
  EXPECT_EQ(a.write(RemoveNodeOp{"b"}).outcome, Outcome::kNoLeader) << "who is gone keeps nobody waiting";
}

TEST(NotMember, TheReplicatedStateHasTheLastWord) {
  Told a;
  a.hear("x", Incarnation{9}, {Index{50}, true});
  EXPECT_EQ(a.removed.size(), 1U) << "all whom it knew may be gone";
}

// A member that was taken out, and starts once more: its log was cut behind an image that no longer has it.
TEST(NotMember, TheImageKnowsItToo) {
  Boot boot = boot_of(true);
  boot.hard.term = Term{1};
  boot.hard.cluster_id.words = {1, 2};
  Configuration three{boot.hard.cluster_id, {}};
  three.members.push_back({"a", kOwn, "", "", Standing::kVoter});
  three.members.push_back({"b", Incarnation{2}, "", "", Standing::kVoter});
  three.members.push_back({"c", Incarnation{3}, "", "", Standing::kVoter});
  const Configuration two{three.cluster_id, {three.members[1], three.members[2]}};
  const Command removal{{Incarnation{2}, 1, 1}, {}, MemberOp{RemoveNodeOp{"a", false}}, {}};
  Index at;
  const auto apply = [&](EntryKind kind, std::string payload) {
    at = at.next();
    (void)boot.state.apply({at, Term{1}, kind, {}, Blob(std::move(payload))});
  };
  apply(EntryKind::kConfiguration, encode_configuration(three));
  apply(EntryKind::kCommand, encode_command(removal));
  {
    Boot wanted_out = boot;
    const OneNode still_votes(std::move(wanted_out));
    EXPECT_TRUE(still_votes.removed.empty()) << "the configuration has it, so its vote may be needed";
  }
  apply(EntryKind::kConfiguration, encode_configuration(two));
  const OneNode out(std::move(boot));
  ASSERT_EQ(out.removed.size(), 1U);
  EXPECT_NE(out.removed[0].find("may be deleted"), std::string::npos);
}

}  // namespace
}  // namespace patronus::node_membership_test
