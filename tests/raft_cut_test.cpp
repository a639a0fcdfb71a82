// Logs that were cut: who cuts what, how replication goes on from a base, and what becomes of a member that
// is further behind than the log reaches.
#include <gtest/gtest.h>

#include "tests/raft_cluster.h"

namespace patronus::raft_cut_test {
namespace {

using namespace std::chrono_literals;
using test::RaftCluster;

constexpr LogRetention kNoTail{0, 0, limits::kLogBytesMax};

// A cluster with a leader and some entries on every node.
class RaftCut : public ::testing::Test {
 protected:
  void begin(LogRetention retention, size_t entries) {
    cluster_.emplace(3, false, retention);
    cluster_->run(3s);
    leader_ = cluster_->leader();
    ASSERT_LT(leader_, 3U);
    other_ = (leader_ + 1) % 3;
    third_ = (leader_ + 2) % 3;
    propose(entries);
  }
  void propose(size_t entries) {
    for (size_t i = 0; i < entries; ++i)
      ASSERT_TRUE(cluster_->propose(cluster_->leader(), std::string(100, 'x')));
  }
  // As if all that is committed were applied and in the image.
  void cut(size_t i) {
    cluster_->step(i, [](Raft& raft, Effects&) {
      raft.set_applied(raft.applicable());
      while (raft.cut_log(raft.applicable())) {
      }
    });
  }
  void take_down(size_t i) { (*cluster_)[i].down = true; }

  std::optional<RaftCluster> cluster_;
  size_t leader_ = 0;
  size_t other_ = 0;
  size_t third_ = 0;
};

TEST_F(RaftCut, WhatAllHaveIsCut) {
  begin(kNoTail, 10);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), cluster_->raft(leader_).commit());
  // Followers learn with the next heartbeats how far the others are.
  cluster_->run(300ms);
  cut(other_);
  EXPECT_EQ(cluster_->raft(other_).log().base_index(), cluster_->raft(leader_).commit());
  propose(5);
  EXPECT_EQ(cluster_->raft(other_).log().last_index(), cluster_->raft(leader_).log().last_index());
}

// Its vote counts for nothing; its log does.
TEST_F(RaftCut, WhatALearnerLacksStays) {
  cluster_.emplace(4, false, kNoTail, 3);
  cluster_->run(3s);
  leader_ = cluster_->leader();
  ASSERT_LT(leader_, 3U);
  propose(3);
  cluster_->cut(leader_, 3);
  ASSERT_TRUE(cluster_->change(leader_, cluster_->with(leader_, 3, Standing::kLearner)));
  propose(10);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), Index{});
  cluster_->heal();
  cluster_->run(2s);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), cluster_->raft(leader_).commit());
}

TEST_F(RaftCut, AFullDiskKeepsNoTail) {
  begin({100'000, 100, limits::kLogBytesMax}, 10);
  cut(leader_);
  EXPECT_LT(cluster_->raft(leader_).log().base_index(), cluster_->raft(leader_).commit());
  cluster_->raft(leader_).set_log_room(limits::kLogMarginBytes);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), cluster_->raft(leader_).commit());
}

TEST_F(RaftCut, NothingBeyondTheImageIsCut) {
  begin(kNoTail, 10);
  cluster_->step(leader_, [](Raft& raft, Effects&) {
    raft.set_applied(raft.applicable());
    EXPECT_TRUE(raft.cut_log(Index{4}));
    EXPECT_FALSE(raft.cut_log(Index{4}));
  });
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), Index{4});
}

TEST_F(RaftCut, TheTailStays) {
  begin({limits::kLogBytesMax, 4, limits::kLogBytesMax}, 10);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().size(), 4U);
  begin({300, 1000, limits::kLogBytesMax}, 10);
  cut(leader_);
  EXPECT_LE(cluster_->raft(leader_).log().bytes(), 300U);
  EXPECT_GT(cluster_->raft(leader_).log().bytes(), 100U);
}

TEST_F(RaftCut, WhatAMemberLacksStays) {
  begin(kNoTail, 3);
  const Index had = cluster_->raft(third_).log().last_index();
  take_down(third_);
  propose(20);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), had);
  cluster_->run(300ms);
  cut(other_);
  EXPECT_EQ(cluster_->raft(other_).log().base_index(), had);
  cluster_->boot(third_);
  cluster_->run(3s);
  EXPECT_EQ(cluster_->raft(third_).commit(), cluster_->raft(cluster_->leader()).commit());
}

// Past the limit the log is cut whoever is away. The one that comes back hears heartbeats and keeps still, it
// is sent no entries, and the others go on.
TEST_F(RaftCut, PastTheLimitAMemberIsLeftBehind) {
  begin({0, 0, 1000}, 3);
  take_down(third_);
  propose(20);
  cut(leader_);
  const Index base = cluster_->raft(leader_).log().base_index();
  EXPECT_GT(base, cluster_->raft(third_).log().last_index());
  EXPECT_LE(cluster_->raft(leader_).log().bytes(), 1000U);
  const Term term = cluster_->raft(leader_).term();
  size_t entries_sent = 0;
  cluster_->passes = [&](size_t, size_t to, const Message& message) {
    const auto* append = std::get_if<AppendRequest>(&message.body);
    if (append != nullptr && to == third_ && append->prev_index == base)
      entries_sent += append->entries.size();
    return true;
  };
  cluster_->boot(third_);
  cluster_->step(leader_, [&](Raft& raft, Effects& out) {
    raft.link_up(cluster_->now(), RaftCluster::name(third_), out);
  });
  cluster_->deliver();
  cluster_->run(1s);
  const size_t sent_at_first = entries_sent;
  cluster_->run(5s);
  const auto& role = std::get<Leader>(cluster_->raft(leader_).role());
  EXPECT_EQ(role.peers.at(RaftCluster::name(third_)).state(), ProgressState::kSnapshot);
  EXPECT_EQ(entries_sent, sent_at_first) << "a question now and then, no entries";
  EXPECT_EQ(cluster_->raft(leader_).term(), term);
  EXPECT_EQ(cluster_->raft(third_).leader(), RaftCluster::name(leader_));
  propose(3);
  EXPECT_EQ(cluster_->raft(other_).log().last_index(), cluster_->raft(leader_).log().last_index());
}

// Who fetches the state shall find what comes after it, also where the limit alone would let it go.
TEST_F(RaftCut, WhatComesAfterAStateThatIsFetchedStays) {
  begin({0, 0, 1000}, 3);
  take_down(third_);
  propose(20);
  cut(leader_);
  const Index state = cluster_->raft(leader_).commit();
  cluster_->step(leader_, [&](Raft& raft, Effects&) { raft.hold_log_after(state); });
  propose(50);
  cut(leader_);
  EXPECT_EQ(cluster_->raft(leader_).log().base_index(), state);
  cluster_->step(leader_, [](Raft& raft, Effects&) { raft.hold_log_after(std::nullopt); });
  cut(leader_);
  EXPECT_GT(cluster_->raft(leader_).log().base_index(), state);
}

TEST_F(RaftCut, WhoIsLeftBehindIsInNeedOfTheState) {
  begin({0, 0, 1000}, 3);
  take_down(third_);
  propose(20);
  cut(leader_);
  const auto needy = [&] { return cluster_->raft(leader_).in_need_of_state(cluster_->now()); };
  EXPECT_TRUE(needy().empty()) << "who is not there needs nothing";
  cluster_->boot(third_);
  cluster_->step(leader_, [&](Raft& raft, Effects& out) {
    raft.link_up(cluster_->now(), RaftCluster::name(third_), out);
  });
  cluster_->deliver();
  cluster_->run(1s);
  EXPECT_EQ(needy(), std::vector<NodeId>{RaftCluster::name(third_)});
  EXPECT_TRUE(cluster_->raft(other_).in_need_of_state(cluster_->now()).empty()) << "it does not lead";
  const auto health = cluster_->raft(leader_).member_health(cluster_->now());
  EXPECT_GT(health.at(RaftCluster::name(third_)).lag, limits::kPromoteLagEntriesMax)
      << "however few entries there are, it has not caught up";
}

// With what it lacked it is one of the others again, by itself.
TEST_F(RaftCut, AMemberThatGotTheStateGoesOn) {
  begin({0, 0, 1000}, 3);
  take_down(third_);
  propose(20);
  cut(leader_);
  cluster_->boot(third_);
  cluster_->run(3s);
  (*cluster_)[third_].log = (*cluster_)[leader_].log;
  (*cluster_)[third_].image = cluster_->raft(leader_).log().base_index();
  cluster_->boot(third_);
  cluster_->run(3s);
  propose(2);
  cluster_->run(1s);
  const size_t leader = cluster_->leader();
  EXPECT_EQ(cluster_->raft(third_).log().last_index(), cluster_->raft(leader).log().last_index());
  EXPECT_EQ(cluster_->raft(third_).commit(), cluster_->raft(leader).commit());
}

// A leader that knows nothing of a follower may ask below what the follower has cut: all that is committed,
// so it matches.
TEST_F(RaftCut, AFollowerKnowsWhatItCut) {
  begin(kNoTail, 10);
  cluster_->run(300ms);
  cut(other_);
  const Index base = cluster_->raft(other_).log().base_index();
  ASSERT_GT(base, Index{5});
  const std::vector<Entry>& log = (*cluster_)[leader_].log;
  const Term term = cluster_->raft(leader_).term();
  const auto ask = [&](uint64_t prev, uint64_t count) {
    AppendRequest append{Index{prev}, log[prev - 1].term, Index{1}, {}};
    for (uint64_t i = 0; i < count; ++i) append.entries.push_back(log[prev + i]);
    const std::vector<Send> sent = cluster_->tell(other_, leader_, term, append);
    EXPECT_EQ(sent.size(), 1U);
    return std::get<AppendResponse>(sent.front().message.body);
  };
  AppendResponse answer = ask(2, 0);
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match, base);
  answer = ask(2, 2);
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match, base);
  answer = ask(2, log.size() - 2);
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match, Index{log.size()});
}

// All of them start from images, at places of their own.
TEST_F(RaftCut, AClusterGoesOnFromItsImages) {
  begin(kNoTail, 20);
  cluster_->run(300ms);
  for (size_t i = 0; i < 3; ++i) {
    take_down(i);
    (*cluster_)[i].image = Index{5 + 5 * i};
  }
  for (size_t i = 0; i < 3; ++i) cluster_->boot(i);
  cluster_->run(3s);
  ASSERT_LT(cluster_->leader(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster_->raft(i).log().base_index(), Index{5 + 5 * i});
  propose(5);
  cluster_->run(300ms);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(cluster_->raft(i).log().last_index(), cluster_->raft(0).log().last_index());
    EXPECT_EQ(cluster_->raft(i).commit(), cluster_->raft(0).log().last_index());
  }
}

}  // namespace
}  // namespace patronus::raft_cut_test
