// A restore as one node drives it: through a log that loses, refuses and reorders its writes it comes to its
// end, each piece staged once and in order; where it can't, it says why, and drops what was staged.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/requests/restore_run.h"
#include "core/state/staging.h"

namespace patronus::test::restore_run_test {
namespace {

using Stage = RestoreRun::Stage;
using namespace std::chrono_literals;

// A source of pieces, and a log in which writes take effect at once, late, twice or never.
class World {
 public:
  explicit World(size_t pieces) {
    for (size_t i = 0; i < pieces; ++i) {
      std::string row;
      put_staged(row, {"a", std::to_string(1000 + i), "", "value"});
      EXPECT_TRUE(sum.add(row));
      source.push_back(row);
    }
  }
  BeginRestoreOp begin() const { return {"r", Index{9}, 8, {{1, 2}}, sum.rows}; }
  FinishRestoreOp finish() const { return {"r", sum.rows, sum.hash, true}; }

  WriteResult apply(const RestoreOp& op) {
    ++index;
    if (const auto* finishing = std::get_if<FinishRestoreOp>(&op)) {
      WriteResult result;
      result.outcome = staging.may_finish(*finishing);
      if (result.outcome == Outcome::kOk && staging.last()->stage == RestoreStage::kStaging) {
        staging.finish(Index{index}, stamp, {});
        ++finished;
      }
      return result;
    }
    return staging.apply(op, "", Index{index}, stamp);
  }
  void feed(RestoreRun& run) {
    if (!run.wants_piece()) return;
    run.asked_for_piece();
    if (read == source.size()) {
      run.piece({}, 0, true, now);
    } else {
      const Blob rows(source[read++]);
      run.piece(rows, 1, read == source.size(), now);
    }
  }

  std::vector<std::string> source;
  StagedSum sum;
  Staging staging;
  Stamp stamp{1000, 1000};
  Instant now{1'000'000'000};
  uint64_t index = 0;
  size_t read = 0;
  uint64_t finished = 0;
};

WriteResult of(Outcome outcome) {
  WriteResult result;
  result.outcome = outcome;
  return result;
}

RC_GTEST_PROP(RestoreRun, ComesToItsEndThroughALogThatRefusesAndForgets, (uint64_t seed)) {
  Random random(seed);
  World world(random.below(12));
  RestoreRun run(world.begin(), world.finish(), world.now);
  std::vector<RestoreRun::Write> under_way;
  size_t most = 0;
  for (int steps = 0; !run.is_over(); ++steps) {
    RC_ASSERT(steps < 20'000);
    world.feed(run);
    while (auto write = run.next_write(world.now)) under_way.push_back(std::move(*write));
    most = std::max(most, under_way.size());
    if (under_way.empty()) {
      if (run.deadline() == Instant::never()) continue;
      world.now = std::max(world.now, run.deadline());
      continue;
    }
    // Any of them comes to the log first.
    const auto at = under_way.begin() + static_cast<std::ptrdiff_t>(random.below(under_way.size()));
    const RestoreRun::Write write = std::move(*at);
    under_way.erase(at);
    static constexpr Outcome kRefusals[] = {Outcome::kBusy, Outcome::kNoLeader, Outcome::kFull};
    const bool is_lost = random.below(6) == 0;
    WriteResult answer = random.below(4) == 0 ? of(kRefusals[random.below(3)]) : world.apply(write.op);
    if (is_lost) answer = of(Outcome::kMaybeApplied);
    world.now = world.now + 1ms;
    run.answered(write.ticket, answer, world.now);
  }
  RC_ASSERT(run.stage() == Stage::kDone);
  RC_ASSERT(world.finished == 1);
  RC_ASSERT(run.rows_staged() == world.sum.rows);
  RC_ASSERT(world.staging.last()->hash == world.sum.hash);
  RC_ASSERT(most <= limits::kRestoreWindow);
}

class RestoreRunTest : public ::testing::Test {
 protected:
  // Lets everything take effect at once until there is nothing to do.
  void settle() {
    for (bool moved = true; moved;) {
      moved = run.wants_piece();
      world.feed(run);
      while (const auto write = run.next_write(world.now)) {
        run.answered(write->ticket, world.apply(write->op), world.now);
        moved = true;
      }
    }
  }
  std::vector<RestoreRun::Write> writes() {
    std::vector<RestoreRun::Write> all;
    while (auto write = run.next_write(world.now)) all.push_back(std::move(*write));
    return all;
  }

  World world{3};
  RestoreRun run{world.begin(), world.finish(), world.now};
};

TEST_F(RestoreRunTest, OnlyTheFirstAndTheLastWriteAreTheUsers) {
  std::vector<bool> for_user;
  while (!run.is_over()) {
    world.feed(run);
    while (const auto write = run.next_write(world.now)) {
      for_user.push_back(write->for_user);
      run.answered(write->ticket, world.apply(write->op), world.now);
    }
  }
  EXPECT_EQ(for_user, (std::vector<bool>{true, false, false, false, true}));
}

TEST_F(RestoreRunTest, AnEmptySnapshotIsRestoredToo) {
  world = World(0);
  run = RestoreRun(world.begin(), world.finish(), world.now);
  settle();
  EXPECT_EQ(run.stage(), Stage::kDone);
  EXPECT_EQ(world.finished, 1U);
}

TEST_F(RestoreRunTest, AnotherOneUnderWayIsLeftAlone) {
  ASSERT_EQ(world.apply(BeginRestoreOp{"other", Index{1}, 1, {{1, 2}}, 5}).outcome, Outcome::kOk);
  settle();
  EXPECT_EQ(run.stage(), Stage::kFailed);
  EXPECT_EQ(run.failure()->outcome, Outcome::kRestoreUnderWay);
  EXPECT_EQ(world.staging.last()->begun.id, "other");
  EXPECT_EQ(world.staging.last()->stage, RestoreStage::kStaging);
}

TEST_F(RestoreRunTest, WhatIsLeftOfAFormerOneIsDroppedFirst) {
  ASSERT_EQ(world.apply(BeginRestoreOp{"other", Index{1}, 1, {{1, 2}}, 1'000}).outcome, Outcome::kOk);
  const size_t pieces = 3 * limits::kStagedPiecesDroppedPerApplyMax;
  for (uint64_t i = 1; i <= pieces; ++i) {
    std::string row;
    put_staged(row, {"a", std::to_string(1000 + i), "", ""});
    ASSERT_EQ(world.apply(StageRowsOp{"other", i, Blob(row)}).outcome, Outcome::kOk);
  }
  world.stamp.lease_ms += 3'600'000;
  settle();
  EXPECT_EQ(run.stage(), Stage::kDone);
}

TEST_F(RestoreRunTest, ADamagedSourceDropsWhatWasStaged) {
  run.answered(writes().at(0).ticket, world.apply(world.begin()), world.now);
  world.feed(run);
  for (const auto& write : writes()) run.answered(write.ticket, world.apply(write.op), world.now);
  ASSERT_TRUE(run.wants_piece());
  run.asked_for_piece();
  run.source_failed("the disk is gone", world.now);
  EXPECT_EQ(run.stage(), Stage::kDiscarding);
  settle();
  EXPECT_EQ(run.stage(), Stage::kFailed);
  EXPECT_EQ(run.failure()->reason, "the disk is gone");
  EXPECT_EQ(world.staging.last()->stage, RestoreStage::kGivenUp);
  EXPECT_EQ(world.staging.bytes(), 0U);
  EXPECT_EQ(world.finished, 0U);
}

TEST_F(RestoreRunTest, WhoMayNotRestoresNothing) {
  for (const auto& write : writes()) run.answered(write.ticket, of(Outcome::kForbidden), world.now);
  EXPECT_EQ(run.stage(), Stage::kFailed);
  EXPECT_EQ(run.failure()->outcome, Outcome::kForbidden);
  EXPECT_TRUE(writes().empty()) << "nothing was begun, so there is nothing to drop";
}

TEST_F(RestoreRunTest, PatienceEnds) {
  settle();
  run = RestoreRun(world.begin(), world.finish(), world.now);
  const Instant began = world.now;
  while (!run.is_over() && world.now - began < 10 * limits::kRestorePatience) {
    for (const auto& write : writes()) run.answered(write.ticket, of(Outcome::kNoLeader), world.now);
    world.now = std::max(world.now + 1ms, std::min(run.deadline(), world.now + 1s));
  }
  EXPECT_EQ(run.stage(), Stage::kFailed);
  EXPECT_GE(world.now - began, limits::kRestorePatience);
  EXPECT_LE(world.now - began, limits::kRestorePatience + 2 * limits::kRestoreDiscardPatience);
  EXPECT_EQ(run.deadline(), Instant::never());
}

TEST_F(RestoreRunTest, OfALastEntryThatIsNotConfirmedItSaysSo) {
  while (run.stage() != Stage::kFinishing) {
    world.feed(run);
    for (const auto& write : writes()) run.answered(write.ticket, world.apply(write.op), world.now);
  }
  while (run.stage() == Stage::kFinishing) {
    for (const auto& write : writes()) run.answered(write.ticket, of(Outcome::kMaybeApplied), world.now);
    world.now = world.now + 500ms;
  }
  EXPECT_EQ(run.failure()->outcome, Outcome::kMaybeApplied);
  EXPECT_NE(run.failure()->reason.find("not known"), std::string::npos);
}

}  // namespace
}  // namespace patronus::test::restore_run_test
