// The copy of rows for the dashboard's database: whenever a transaction is done the database holds the rows
// of the state as of its index, whatever is applied while it is under way, and whenever it is lost.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "core/base/mutant.h"
#include "core/projector.h"
#include "mutant_guard.h"
#include "table_life.h"

namespace patronus::projector_test {
namespace {

using namespace std::chrono_literals;
using Rows = std::map<std::string, std::string>;

// What stands for SQLite: transactions that are there whole or not at all.
struct Model {
  Rows rows;
  Rows under_way;
  Index index;

  // True if the piece ended a transaction.
  bool take(const Project& piece) {
    if (piece.begins) under_way = piece.all ? Rows{} : rows;
    for (const Row& row : piece.rows) {
      if (row.value) {
        under_way[row.key] = row.value->text();
      } else {
        under_way.erase(row.key);
      }
    }
    if (!piece.end) return false;
    rows = under_way;
    index = piece.end->index;
    return true;
  }
};

std::optional<Project> step(Projector& projector, Store& store, Instant now,
                            std::optional<Index> known = Index{}) {
  Effects effects;
  projector.step(now, store, known, effects);
  if (effects.empty()) return std::nullopt;
  return std::get<Project>(effects.front());
}

bool keeps_a_copy(uint64_t seed, uint64_t rounds) {
  test::TableLife life(seed);
  Store store;
  Projector projector(1 + life.pick(5));
  Model model;
  Instant now{1'000'000'000};
  uint64_t opening = 1;
  life.live(store, life.pick(100));
  projector.opened(opening, store);
  Rows expected;
  for (uint64_t i = 0; i < rounds; ++i) {
    now = now + 20ms;
    if (std::optional<Project> piece = step(projector, store, now)) {
      if (piece->begins) expected = test::projected_rows(store);
      if (life.pick(40) == 0) {
        // It is lost, with all it held, or as of the last transaction.
        if (life.pick(2) == 0) model = Model{};
        projector.lost(store);
        life.live(store, life.pick(20));
        projector.opened(++opening, store);
        continue;
      }
      if (model.take(*piece) && model.rows != expected) return false;
      if (life.pick(3) == 0) life.live(store, life.pick(6));
      projector.taken(piece->opening, now);
    }
    if (life.pick(2) == 0) life.live(store, life.pick(6));
  }
  // In the end nothing is missing.
  while (!projector.is_current(store)) {
    now = now + 60ms;
    const std::optional<Project> piece = step(projector, store, now);
    if (!piece) return false;
    (void)model.take(*piece);
    projector.taken(piece->opening, now);
  }
  return model.rows == test::projected_rows(store);
}

RC_GTEST_PROP(Projector, KeepsACopy, (uint64_t seed)) {
  const bool same = keeps_a_copy(seed, 300);
  RC_ASSERT(same);
}

TEST(ProjectorMutants, RowsAreTakenBeforeTheyChange) {
  const test::MutantGuard guard(Mutant::kNoCopyOnWrite);
  bool all_same = true;
  for (uint64_t seed = 1; seed <= 20; ++seed) all_same = all_same && keeps_a_copy(seed, 300);
  EXPECT_FALSE(all_same);
}

class ProjectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    life_.live(store_, 60);
    projector_.opened(1, store_);
  }
  // Steps and takes until nothing more comes; how many transactions were done.
  size_t run() {
    size_t done = 0;
    while (const std::optional<Project> piece = step(projector_, store_, now_)) {
      done += piece->end ? 1U : 0U;
      last_rows_ = piece->rows.size();
      projector_.taken(1, now_);
    }
    return done;
  }

  test::TableLife life_{7};
  Store store_;
  Projector projector_;
  Instant now_{1'000'000'000};
  size_t last_rows_ = 0;
};

TEST_F(ProjectorTest, FillsOnceTheStateIsAsFarAsTheClusterWas) {
  const Index known{store_.applied().value + 5};
  EXPECT_FALSE(step(projector_, store_, now_, std::nullopt)) << "nobody knows yet how far that is";
  EXPECT_FALSE(step(projector_, store_, now_, known));
  EXPECT_FALSE(projector_.is_filled());
  life_.live(store_, 4);
  EXPECT_FALSE(step(projector_, store_, now_, Index{known.value + 100}));
  life_.live(store_, 1);
  const std::optional<Project> piece = step(projector_, store_, now_, Index{known.value + 100});
  ASSERT_TRUE(piece) << "however far it is by now";
  EXPECT_TRUE(piece->begins && piece->all);
}

TEST_F(ProjectorTest, LetsChangesGather) {
  EXPECT_EQ(run(), 1U);
  EXPECT_TRUE(projector_.is_filled());
  EXPECT_EQ(projector_.projected(), store_.applied());
  life_.live(store_, 40);
  ASSERT_TRUE(store_.has_projected_changes());
  EXPECT_EQ(run(), 0U) << "not so soon";
  EXPECT_EQ(projector_.deadline(store_), now_ + limits::kProjectionInterval);
  now_ = now_ + limits::kProjectionInterval;
  EXPECT_EQ(run(), 1U);
  EXPECT_GT(last_rows_, 0U);
}

TEST_F(ProjectorTest, BeatsWhenNothingChanges) {
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(projector_.deadline(store_), now_ + limits::kProjectionHeartbeat);
  now_ = now_ + limits::kProjectionHeartbeat / 2;
  EXPECT_EQ(run(), 0U);
  now_ = now_ + limits::kProjectionHeartbeat / 2;
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(last_rows_, 0U);
}

TEST_F(ProjectorTest, GathersNothingWhileThereIsNoDatabase) {
  EXPECT_EQ(run(), 1U);
  projector_.lost(store_);
  life_.live(store_, 100);
  EXPECT_FALSE(store_.has_projected_changes());
  EXPECT_EQ(projector_.deadline(store_), Instant::never());
  now_ = now_ + limits::kProjectionHeartbeat;
  EXPECT_EQ(run(), 0U);
}

TEST_F(ProjectorTest, AnAnswerForAnEarlierOpeningSaysNothing) {
  ASSERT_TRUE(step(projector_, store_, now_));
  projector_.lost(store_);
  projector_.taken(1, now_);
  projector_.opened(2, store_);
  const std::optional<Project> piece = step(projector_, store_, now_);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->opening, 2U);
  projector_.taken(1, now_);
  EXPECT_FALSE(projector_.is_filled());
  projector_.taken(2, now_);
  EXPECT_TRUE(projector_.is_filled());
}

}  // namespace
}  // namespace patronus::projector_test
