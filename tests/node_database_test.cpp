// What the health of the dashboard's database is to its node: unready while it is damaged or not filled, and
// ready although it lags.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/limits.h"
#include "lone_node.h"

namespace patronus::node_database_test {
namespace {

using namespace std::chrono_literals;
using test::LoneNode;

class NodeDatabaseTest : public ::testing::Test {
 protected:
  ComponentView component() {
    const Status status = (*node_).status(node_.now());
    const auto at = std::find_if(status.components.begin(), status.components.end(),
                                 [](const ComponentView& one) { return one.name == "database"; });
    return at == status.components.end() ? ComponentView{} : *at;
  }
  bool is_ready() { return (*node_).status(node_.now()).ready; }

  LoneNode node_{{}, protocol::kNewest, true};
};

TEST_F(NodeDatabaseTest, IsReadyOnceItIsFilled) {
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(component().reason, "has not reported yet");
  node_.holds_pieces = true;
  node_.report(DatabaseState::kOpened, 1);
  EXPECT_EQ(node_.pieces, 1U);
  node_.report(DatabaseState::kSound);
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(component().reason, "is being filled");
  node_.holds_pieces = false;
  node_.report(DatabaseState::kOpened, 2);
  EXPECT_TRUE(component().ok);
  EXPECT_TRUE(is_ready());
  EXPECT_EQ((*node_).status(node_.now()).database_applied, (*node_).store().applied());
}

TEST_F(NodeDatabaseTest, ADamagedOneMakesItUnreadyAtOnce) {
  node_.report(DatabaseState::kOpened, 1);
  ASSERT_TRUE(is_ready());
  node_.report(DatabaseState::kDamaged, 1, "it is full of zeros");
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(component().reason, "it is full of zeros");
  node_.report(DatabaseState::kOpened, 2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_ready()) << "it must be seen to be sound first";
    node_.report(DatabaseState::kSound);
  }
  EXPECT_TRUE(is_ready());
}

TEST_F(NodeDatabaseTest, OneThatLagsIsSaidAndTolerated) {
  node_.report(DatabaseState::kOpened, 1);
  ASSERT_TRUE(is_ready());
  node_.report(DatabaseState::kLags, 1, "the disk is full");
  EXPECT_FALSE(component().ok);
  EXPECT_TRUE(component().tolerated);
  EXPECT_TRUE(is_ready());
  // It is tried again and again, and meanwhile nobody sees it come and go.
  node_.holds_pieces = true;
  node_.report(DatabaseState::kOpened, 2);
  EXPECT_EQ(component().reason, "the disk is full");
  EXPECT_TRUE(is_ready());
  node_.report(DatabaseState::kDamaged, 2, "and now it is damaged");
  EXPECT_FALSE(is_ready());
  node_.report(DatabaseState::kLags, 2, "and there is no room for another");
  EXPECT_FALSE(is_ready()) << "it has none until one is made";
  node_.holds_pieces = false;
  node_.report(DatabaseState::kOpened, 3);
  EXPECT_FALSE(is_ready());
  for (int i = 0; i < 3; ++i) node_.report(DatabaseState::kSound);
  EXPECT_TRUE(component().ok);
  EXPECT_FALSE(component().tolerated);
}

TEST_F(NodeDatabaseTest, SilenceIsAFailure) {
  node_.report(DatabaseState::kOpened, 1);
  for (int i = 0; i < 5; ++i) {
    node_.pass(limits::kDatabaseSilenceMax / 2);
    node_.report(DatabaseState::kSound);
  }
  EXPECT_TRUE(component().ok);
  node_.pass(limits::kDatabaseSilenceMax + 1ms);
  EXPECT_EQ(component().reason, "has not reported in time");
}

TEST_F(NodeDatabaseTest, AnIdleOneIsWrittenNowAndThen) {
  node_.report(DatabaseState::kOpened, 1);
  const size_t before = node_.pieces;
  const Instant end = node_.now().mono + 5 * limits::kProjectionHeartbeat;
  while (node_.now().mono < end) node_.pass((*node_).deadline() - node_.now().mono);
  EXPECT_GE(node_.pieces - before, 4U);
  EXPECT_LE(node_.pieces - before, 5U + 2U) << "besides what the founding of a cluster writes";
}

TEST(NodeWithoutDatabaseTest, HasNoSuchComponent) {
  LoneNode node;
  const Status status = (*node).status(node.now());
  for (const ComponentView& one : status.components) EXPECT_NE(one.name, "database");
  EXPECT_FALSE(status.database_applied);
}

}  // namespace
}  // namespace patronus::node_database_test
