// Changes of the configuration in the middle of elections, crashes and truncation; where a protection can be
// taken out, both sides are shown.
#include <gtest/gtest.h>

#include "tests/mutant_guard.h"
#include "tests/raft_cluster.h"

namespace patronus::test::raft_membership_test {
namespace {

constexpr Duration kTimeout = RaftCluster::kTimeout;

size_t elect(RaftCluster& cluster) {
  cluster.run(2 * kTimeout);
  EXPECT_NE(cluster.leader(), SIZE_MAX);
  return cluster.leader();
}

// Nodes are told by their place; n1 has place 0. Makes n1 the leader of the founders.
void make_first_lead(RaftCluster& cluster) {
  const size_t leader = elect(cluster);
  if (leader == 0) return;
  cluster.step(leader, [&](Raft& raft, Effects& out) {
    EXPECT_TRUE(raft.transfer(cluster.now(), RaftCluster::name(0), LeaderCause::kTransfer, out));
  });
  cluster.deliver();
  cluster.run(kTimeout);
  ASSERT_EQ(cluster.leader(), 0U);
}

void add_learner(RaftCluster& cluster, size_t i) {
  ASSERT_TRUE(cluster.change(0, cluster.with(0, i, Standing::kLearner)));
  cluster.run(kTimeout);
  ASSERT_EQ(cluster.raft(i).log().last_index(), cluster.raft(0).log().last_index());
}

void promote(RaftCluster& cluster, size_t i) {
  ASSERT_TRUE(cluster.change(0, cluster.with(0, i, Standing::kJoining)));
  cluster.run(kTimeout);
  ASSERT_TRUE(cluster.change(0, after_joint(*cluster.raft(0).log().configuration())));
  cluster.run(kTimeout);
}

TEST(RaftMembership, ALearnerIsSentTheLogAndDoesNotCount) {
  RaftCluster cluster(4, false, {}, 3);
  make_first_lead(cluster);
  add_learner(cluster, 3);
  EXPECT_EQ(cluster.raft(3).commit(), cluster.raft(0).commit());
  cluster.cut(0, 1);
  cluster.cut(0, 2);
  const Index before = cluster.raft(0).commit();
  ASSERT_TRUE(cluster.propose(0, "x"));
  EXPECT_EQ(cluster.raft(3).log().last_index(), cluster.raft(0).log().last_index()) << "it has the entry";
  EXPECT_EQ(cluster.raft(0).commit(), before) << "and the leader is alone all the same";
  cluster[0].down = true;
  cluster[1].down = true;
  cluster[2].down = true;
  cluster.run(10 * kTimeout);
  EXPECT_FALSE(cluster.raft(3).is_leader());
  EXPECT_TRUE(std::holds_alternative<Follower>(cluster.raft(3).role())) << "it does not campaign";
}

// Scenario 23: whoever campaigns in a joint configuration needs both majorities. n2 and n3 make place for n4
// and n5, and the leader dies in between.
bool the_incoming_elect_alone() {
  RaftCluster cluster(5, false, {}, 3);
  make_first_lead(cluster);
  add_learner(cluster, 3);
  add_learner(cluster, 4);
  Configuration joint = *cluster.raft(0).log().configuration();
  joint.members[1].standing = joint.members[2].standing = Standing::kLeaving;
  joint.members[3].standing = joint.members[4].standing = Standing::kJoining;
  EXPECT_TRUE(cluster.change(0, joint));
  cluster[0].down = cluster[1].down = cluster[2].down = true;
  cluster.run(10 * kTimeout);
  return cluster.leader() != SIZE_MAX;
}
TEST(Scenario23, AJointConfigurationElectsWithBothMajorities) {
  EXPECT_FALSE(the_incoming_elect_alone());
  const MutantGuard guard(Mutant::kCountOneMajority);
  EXPECT_TRUE(the_incoming_elect_alone());
}
TEST(Scenario23, ANewLeaderCanLeaveAJointConfiguration) {
  RaftCluster cluster(4);
  make_first_lead(cluster);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 3, Standing::kLeaving)));
  cluster[0].down = true;
  cluster.run(4 * kTimeout);
  const size_t next = cluster.leader();
  ASSERT_NE(next, SIZE_MAX);
  const Configuration joint = *cluster.raft(next).log().configuration();
  ASSERT_TRUE(joint.is_joint());
  EXPECT_TRUE(cluster.change(next, after_joint(joint)));
}

// Scenario 24: a leader that has committed nothing of its term does not know which configuration is in force.
bool changes_before_a_commit_of_its_term() {
  RaftCluster cluster(3);
  const size_t first = elect(cluster);
  cluster[first].down = true;
  cluster.passes = [](size_t, size_t, const Message& message) {
    return !std::holds_alternative<AppendRequest>(message.body);
  };
  cluster.run(4 * kTimeout);
  const size_t second = cluster.leader();
  EXPECT_NE(second, SIZE_MAX);
  return cluster.raft(second).may_change_configuration();
}
TEST(Scenario24, ACommitOfTheOwnTermComesFirst) {
  EXPECT_FALSE(changes_before_a_commit_of_its_term());
  const MutantGuard guard(Mutant::kChangeBeforeOwnTerm);
  EXPECT_TRUE(changes_before_a_commit_of_its_term());
}
TEST(Scenario24, ChangesComeOneAtATime) {
  RaftCluster cluster(4, false, {}, 3);
  make_first_lead(cluster);
  cluster.cut(0, 1);
  cluster.cut(0, 2);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 3, Standing::kLearner)));
  EXPECT_FALSE(cluster.change(0, cluster.with(0, 2, Standing::kLeaving))) << "the first is not committed";
}

// Scenario 25.
bool a_truncated_configuration_stays() {
  const auto entry = [](uint64_t index, std::vector<Member> members) {
    const Configuration configuration{{{1, 2}}, std::move(members)};
    return Entry{
        Index{index}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(configuration))};
  };
  const Member a{"a", Incarnation{1}, "", "", Standing::kVoter};
  const Member b{"b", Incarnation{2}, "", "", Standing::kLearner};
  Log log({entry(1, {a})});
  const Entry second = entry(2, {a, b});
  log.append({&second, 1}, PersistId{1});
  EXPECT_EQ(log.configuration()->members.size(), 2U) << "effective once appended";
  log.truncate_from(Index{2});
  return log.configuration()->members.size() == 2;
}
TEST(Scenario25, ATruncatedConfigurationIsRolledBack) {
  EXPECT_FALSE(a_truncated_configuration_stays());
  const MutantGuard guard(Mutant::kKeepTruncatedConfig);
  EXPECT_TRUE(a_truncated_configuration_stays());
}
TEST(Scenario25, AFormerLeaderGoesBackToWhatTheOthersHave) {
  RaftCluster cluster(4, false, {}, 3);
  make_first_lead(cluster);
  cluster.cut(0, 1);
  cluster.cut(0, 2);
  cluster.cut(0, 3);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 3, Standing::kLearner)));
  cluster.run(4 * kTimeout);
  const size_t next = cluster.leader();
  ASSERT_NE(next, SIZE_MAX);
  ASSERT_NE(next, 0U);
  cluster.heal();
  ASSERT_TRUE(cluster.propose(next, "x"));
  cluster.run(2 * kTimeout);
  EXPECT_EQ(cluster.raft(0).log().configuration()->members.size(), 3U);
  // It leads again by what the log says now.
  cluster.step(next, [&](Raft& raft, Effects& out) {
    ASSERT_TRUE(raft.transfer(cluster.now(), RaftCluster::name(0), LeaderCause::kTransfer, out));
  });
  cluster.deliver();
  cluster.run(kTimeout);
  EXPECT_EQ(cluster.leader(), 0U);
}

// Scenario 26: n4 was promoted and has not heard of it; without its vote nobody leads.
TEST(Scenario26, APromotedLearnerThatDoesNotKnowItVotes) {
  RaftCluster cluster(4, false, {}, 3);
  make_first_lead(cluster);
  add_learner(cluster, 3);
  cluster.cut(0, 3);
  cluster.cut(0, 2);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 3, Standing::kJoining)));
  ASSERT_FALSE(cluster.raft(3).is_voter());
  cluster[0].down = true;
  cluster.run(10 * kTimeout);
  EXPECT_EQ(cluster.leader(), 1U) << "it has the joint configuration, and needs n3 and n4";
}
// n3 was away while n4 came, and does not know it; only n4 has all of the log.
TEST(Scenario26, AVoterAnswersWhoItDoesNotKnow) {
  RaftCluster cluster(4, false, {}, 3);
  make_first_lead(cluster);
  cluster.cut(0, 2);
  cluster.cut(1, 2);
  cluster.cut(3, 2);
  add_learner(cluster, 3);
  promote(cluster, 3);
  ASSERT_EQ(cluster.raft(2).log().configuration()->find("n4"), nullptr);
  cluster.cut(0, 1);
  ASSERT_TRUE(cluster.propose(0, "only on n1 and n4"));
  cluster[0].down = true;
  cluster.heal();
  cluster.run(10 * kTimeout);
  EXPECT_EQ(cluster.leader(), 3U);
}
// One that its own log has taken out already, but not for certain.
TEST(Scenario26, AVoterOutsideItsOwnConfigurationVotes) {
  RaftCluster cluster(3);
  make_first_lead(cluster);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 2, Standing::kLeaving)));
  cluster.run(kTimeout);
  // The final configuration reaches n3 alone.
  cluster.cut(0, 1);
  ASSERT_TRUE(cluster.change(0, after_joint(*cluster.raft(0).log().configuration())));
  ASSERT_FALSE(cluster.raft(2).is_voter());
  cluster[0].down = true;
  cluster.heal();
  cluster.run(10 * kTimeout);
  // n2's log is the shorter, so n3 refuses it for that reason alone; n1 comes back and has its vote.
  EXPECT_EQ(cluster.leader(), SIZE_MAX);
  cluster.boot(0);
  cluster.run(4 * kTimeout);
  EXPECT_EQ(cluster.leader(), 0U);
}

// The only one that has the final configuration is the one it takes out. The other can't be elected: its log
// is the shorter.
bool the_leaver_brings_its_leave_about() {
  RaftCluster cluster(2);
  make_first_lead(cluster);
  EXPECT_TRUE(cluster.change(0, cluster.with(0, 0, Standing::kLeaving)));
  cluster.run(kTimeout / 2);
  cluster.cut(0, 1);
  EXPECT_TRUE(cluster.change(0, after_joint(*cluster.raft(0).log().configuration())));
  cluster.boot(0);
  cluster.heal();
  cluster.run(20 * kTimeout);
  return cluster.raft(1).is_leader() && cluster.raft(0).is_removed();
}
TEST(Scenario26, WhomItsLogHasTakenOutCampaignsUntilThatIsCommitted) {
  EXPECT_TRUE(the_leaver_brings_its_leave_about());
  const MutantGuard guard(Mutant::kOutsiderKeepsQuiet);
  EXPECT_FALSE(the_leaver_brings_its_leave_about());
}

// n1 has begun to give n4 a vote, and is alone with that. In a later term n2 led, of which n4 alone has an
// entry, as a learner; n2's disk is lost. n1 and n3 are all that is needed, but n1 counts on n4.
bool leads_in_spite_of_a_learners_log() {
  RaftCluster cluster(4, false, {}, 3);
  Configuration learning{{{1, 2}}, {}};
  for (size_t i = 0; i < 4; ++i)
    learning.members.push_back({RaftCluster::name(i), Incarnation{i + 1}, "", "", Standing::kVoter});
  learning.members[3].standing = Standing::kLearner;
  Configuration joint = learning;
  joint.members[3].standing = Standing::kJoining;
  const Blob with_learner(encode_configuration(learning));
  cluster[3].log = cluster[0].log;
  cluster[3].disk = cluster[0].disk;
  for (size_t i = 0; i < 4; ++i)
    cluster[i].log.push_back({Index{2}, Term{1}, EntryKind::kConfiguration, {}, with_learner});
  cluster[0].log.push_back(
      {Index{3}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(joint))});
  cluster[3].log.push_back({Index{3}, Term{2}, EntryKind::kLeader, {}, Blob()});
  for (size_t i = 0; i < 4; ++i) cluster[i].disk.term = Term{2};
  cluster[1].down = true;
  for (const size_t i : {size_t{0}, size_t{2}, size_t{3}}) cluster.boot(i);
  cluster.run(20 * kTimeout);
  return cluster.leader() == 0;
}
TEST(RaftMembership, ALearnersNewerLogKeepsNobodyFromLeading) {
  EXPECT_TRUE(leads_in_spite_of_a_learners_log());
  const MutantGuard guard(Mutant::kLearnerComparesLogs);
  EXPECT_FALSE(leads_in_spite_of_a_learners_log());
}

// Scenario 10, in the middle of a joint change: a long log of a low term, and a short one of a high term.
bool elects_in_a_joint_configuration(size_t high_term, size_t long_log) {
  RaftCluster cluster(4, false, {}, 3);
  Configuration joint{{{1, 2}}, {}};
  for (size_t i = 0; i < 4; ++i)
    joint.members.push_back({RaftCluster::name(i), Incarnation{i + 1}, "", "", Standing::kVoter});
  joint.members[2].standing = Standing::kLeaving;
  joint.members[3].standing = Standing::kJoining;
  const Entry change{Index{2}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(joint))};
  for (size_t i = 0; i < 2; ++i) cluster[i].log.push_back(change);
  cluster[2].down = cluster[3].down = true;
  cluster[high_term].disk.term = Term{9};
  cluster[long_log].log.push_back({Index{3}, Term{1}, EntryKind::kLeader, {}, Blob()});
  cluster.boot(0);
  cluster.boot(1);
  cluster.run(20 * kTimeout);
  return cluster.leader() == long_log;
}
TEST(Scenario10OfMembers, AJointChangeElectsWithStaleTerms) {
  EXPECT_TRUE(elects_in_a_joint_configuration(0, 1));
  EXPECT_TRUE(elects_in_a_joint_configuration(1, 0));
  const MutantGuard guard(Mutant::kSilentPreVoteRefusal);
  EXPECT_FALSE(elects_in_a_joint_configuration(0, 1));
}

TEST(Removal, ARemovedFollowerHearsOfItBeforeItIsForgotten) {
  RaftCluster cluster(3);
  make_first_lead(cluster);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 2, Standing::kLeaving)));
  cluster.run(kTimeout);
  EXPECT_FALSE(cluster.raft(2).is_removed());
  ASSERT_TRUE(cluster.change(0, after_joint(*cluster.raft(0).log().configuration())));
  cluster.run(kTimeout);
  EXPECT_TRUE(cluster.raft(2).is_removed());
  const Term term = cluster.raft(0).term();
  cluster.run(10 * kTimeout);
  EXPECT_TRUE(cluster.raft(0).is_leader()) << "and it disturbs nobody (scenario 15)";
  EXPECT_EQ(cluster.raft(0).term(), term);
}

TEST(Removal, ALeaderThatIsTakenOutCommitsThatAndLeaves) {
  RaftCluster cluster(3);
  make_first_lead(cluster);
  ASSERT_TRUE(cluster.change(0, cluster.with(0, 0, Standing::kLeaving)));
  cluster.run(kTimeout / 2);
  ASSERT_TRUE(cluster.change(0, after_joint(*cluster.raft(0).log().configuration())));
  cluster.run(2 * kTimeout);
  EXPECT_FALSE(cluster.raft(0).is_leader());
  EXPECT_TRUE(cluster.raft(0).is_removed());
  const size_t next = cluster.leader();
  ASSERT_NE(next, SIZE_MAX);
  EXPECT_TRUE(cluster.propose(next, "x"));
}

// An id is not one voter: another disk may come under it within a term.
TEST(Votes, AreGivenToADataDirectory) {
  RaftCluster cluster(3);
  const auto ask = [&](Incarnation incarnation) {
    Effects effects;
    cluster.raft(0).receive(
        cluster.now(), "n2", incarnation,
        {cluster.raft(0).hard_state().cluster_id, Term{9}, VoteRequest{Index{5}, Term{5}}}, effects);
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<Send>(&effect);
      const auto* answer = send == nullptr ? nullptr : std::get_if<VoteResponse>(&send->message.body);
      if (answer != nullptr) return answer->granted;
    }
    return false;
  };
  EXPECT_TRUE(ask(Incarnation{2}));
  EXPECT_FALSE(ask(Incarnation{77}));
  EXPECT_TRUE(ask(Incarnation{2})) << "the answer may have been lost";
}

}  // namespace
}  // namespace patronus::test::raft_membership_test
