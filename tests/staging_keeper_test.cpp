// What a leader does by itself for a restore that nobody goes on with, and what no node writes before all
// understand it.
#include "core/requests/staging_keeper.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/limits.h"
#include "tests/lone_node.h"

namespace patronus::test::staging_keeper_test {
namespace {

constexpr int64_t kIdleMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kRestoreIdle).count();

TEST(StagingKeeper, DropsWhatIsIdleOrOverPieceByPiece) {
  Staging staging;
  Stamp stamp{1000, 1000};
  uint64_t index = 0;
  const auto apply = [&](RestoreOp op) { return staging.apply(op, "", Index{++index}, stamp); };
  StagingKeeper keeper;
  Instant now{1'000'000'000};
  EXPECT_FALSE(keeper.take_drop(staging, stamp, now));
  EXPECT_EQ(keeper.deadline(), Instant::never());
  EXPECT_EQ(apply(BeginRestoreOp{"r", Index{1}, 1, LoneNode::kCluster, 1'000}).outcome, Outcome::kOk);
  for (uint64_t i = 1; i <= limits::kStagedPiecesDroppedPerApplyMax + 1; ++i) {
    std::string row;
    put_staged(row, {"a", std::to_string(1000 + i), "", ""});
    EXPECT_EQ(apply(StageRowsOp{"r", i, Blob(row)}).outcome, Outcome::kOk);
  }
  EXPECT_FALSE(keeper.take_drop(staging, stamp, now));
  EXPECT_EQ(keeper.deadline(), now + limits::kRestoreIdle);
  stamp.lease_ms += kIdleMs;
  const auto drop = keeper.take_drop(staging, stamp, now);
  ASSERT_TRUE(drop);
  EXPECT_EQ(*drop, (DropStagedOp{"r", true}));
  EXPECT_FALSE(keeper.take_drop(staging, stamp, now)) << "it is under way";
  now = now + limits::kExpiryRetry;
  EXPECT_TRUE(keeper.take_drop(staging, stamp, now)) << "it was lost";
  EXPECT_EQ(apply(*drop).number, 1U);
  EXPECT_TRUE(keeper.take_drop(staging, stamp, now)) << "the rest of it";
  EXPECT_EQ(apply(*drop).number, 0U);
  EXPECT_FALSE(keeper.take_drop(staging, stamp, now));
  EXPECT_EQ(keeper.deadline(), Instant::never());
}

TEST(RestoringNode, DropsWhatNobodyGoesOnWith) {
  LoneNode node;
  EXPECT_EQ(node.write(RestoreOp{BeginRestoreOp{"r", Index{1}, 1, LoneNode::kCluster, 1}})->outcome,
            Outcome::kOk);
  std::string row;
  put_staged(row, {"a", "k", "", ""});
  EXPECT_EQ(node.write(RestoreOp{StageRowsOp{"r", 1, Blob(row)}})->outcome, Outcome::kOk);
  const Instant begun = node.now().mono;
  while (!(*node).store().staging().pieces().empty() && node.now().mono - begun < 2 * limits::kRestoreIdle)
    node.pass((*node).deadline() - node.now().mono);
  EXPECT_TRUE((*node).store().staging().pieces().empty());
  EXPECT_EQ((*node).store().staging().last()->stage, RestoreStage::kGivenUp);
  EXPECT_GE(node.now().mono - begun, limits::kRestoreIdle);
}

TEST(RestoringNode, WritesNothingThatAnOlderVersionWouldStopAt) {
  LoneNode old({}, static_cast<protocol::Version>(protocol::kRestore - 1));
  const Index before = (*old).store().applied();
  EXPECT_EQ(old.write(RestoreOp{BeginRestoreOp{"r", Index{1}, 1, LoneNode::kCluster, 1}})->outcome,
            Outcome::kTooOld);
  EXPECT_EQ((*old).store().applied(), before);
}

}  // namespace
}  // namespace patronus::test::staging_keeper_test
