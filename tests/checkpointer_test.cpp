// When a checkpoint begins, and how its pieces follow each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/checkpointer.h"

namespace patronus::checkpointer_test {
namespace {

using namespace std::chrono_literals;

class CheckpointerTest : public ::testing::Test {
 protected:
  CheckpointerTest() {
    apply(EntryKind::kConfiguration,
          encode_configuration({{{1, 2}}, {{"a", Incarnation{1}, "", "", Standing::kVoter}}}));
  }
  void apply(EntryKind kind, std::string payload) {
    const Entry entry{store_.applied().next(), Term{1}, kind, {}, Blob(std::move(payload))};
    (void)store_.apply(entry);
    checkpointer_.applied(100, now_);
  }
  void put(size_t keys, size_t value_bytes = 10) {
    for (size_t i = 0; i < keys; ++i) {
      ++writes_;
      apply(EntryKind::kCommand,
            encode_command(
                {{Incarnation{1}, writes_, writes_},
                 {},
                 PutOp{"n", "k" + std::to_string(writes_), Blob(std::string(value_bytes, 'v')), "", {}}}));
    }
  }
  // The piece that this step gives, or nothing.
  std::optional<Checkpoint> step() {
    Effects effects;
    checkpointer_.step(now_, store_, effects);
    EXPECT_LE(effects.size(), 1U);
    if (effects.empty()) return std::nullopt;
    return std::get<Checkpoint>(effects.front());
  }

  Instant now_{1'000'000'000};
  Store store_;
  Checkpointer checkpointer_{CheckpointPace{1000, 10s}, Index{}};
  uint64_t writes_ = 0;
};

TEST_F(CheckpointerTest, BeginsWhenEnoughWasApplied) {
  put(8);
  EXPECT_FALSE(step());
  put(1);
  const std::optional<Checkpoint> piece = step();
  ASSERT_TRUE(piece);
  ASSERT_TRUE(piece->end);
  EXPECT_EQ(piece->end->base, store_.base());
  EXPECT_EQ(piece->end->state_hash, store_.hash());
  EXPECT_EQ(checkpointer_.durable(), Index{}) << "not before it is there";
  EXPECT_FALSE(step()) << "one at a time";
  checkpointer_.taken();
  EXPECT_EQ(checkpointer_.durable(), store_.applied());
  EXPECT_FALSE(step()) << "nothing was applied since";
}

TEST_F(CheckpointerTest, BeginsSomeTimeAfterAnythingWasApplied) {
  EXPECT_EQ(checkpointer_.deadline(), now_ + 10s);
  now_ = now_ + 9s;
  EXPECT_FALSE(step());
  now_ = now_ + 1s;
  EXPECT_TRUE(step());
  EXPECT_EQ(checkpointer_.deadline(), Instant::never());
  checkpointer_.taken();
  EXPECT_EQ(checkpointer_.deadline(), Instant::never()) << "an idle node writes nothing";
  now_ = now_ + 100s;
  EXPECT_FALSE(step());
}

TEST_F(CheckpointerTest, ComesSoonerWhereTheDiskIsFull) {
  Checkpointer patient{CheckpointPace{2 * limits::kCheckpointBytesWhenFull, 10s}, Index{}};
  put(1);
  patient.applied(limits::kCheckpointBytesWhenFull, Instant{});
  Effects effects;
  patient.step(Instant{}, store_, effects);
  EXPECT_TRUE(effects.empty());
  patient.set_short_of_room(true);
  patient.step(Instant{}, store_, effects);
  EXPECT_EQ(effects.size(), 1U);
}

TEST_F(CheckpointerTest, HurriesWhenTheProcessIsAboutToEnd) {
  checkpointer_.hurry();
  EXPECT_TRUE(step());
  checkpointer_.taken();
  checkpointer_.hurry();
  EXPECT_FALSE(step()) << "there is nothing to write";
}

// What is applied while pieces are under way belongs to the next checkpoint.
TEST_F(CheckpointerTest, IsOfOneIndexHoweverManyPieces) {
  put(3 * limits::kCheckpointPieceRows);
  const Base base = store_.base();
  const uint64_t hash = store_.hash();
  size_t pieces = 0;
  std::optional<Checkpoint> piece = step();
  for (; piece && !piece->end; piece = step()) {
    EXPECT_LE(piece->rows.size(), limits::kCheckpointPieceRows);
    ++pieces;
    put(20);
    EXPECT_FALSE(step()) << "the next comes when this one was taken";
    checkpointer_.taken();
  }
  ASSERT_TRUE(piece);
  EXPECT_GE(pieces, 3U);
  EXPECT_EQ(piece->end->base, base);
  EXPECT_EQ(piece->end->state_hash, hash);
  checkpointer_.taken();
  EXPECT_EQ(checkpointer_.durable(), base.index);
  ASSERT_TRUE(step()) << "as much was applied meanwhile";
}

// An image that is damaged is replaced by all there is, as soon as what is under way was taken.
TEST_F(CheckpointerTest, WritesAllAnewWhereTheImageIsOfNoUse) {
  put(20);
  ASSERT_TRUE(step());
  EXPECT_TRUE(checkpointer_.begin_anew());
  EXPECT_FALSE(checkpointer_.begin_anew()) << "it is known";
  EXPECT_FALSE(step());
  checkpointer_.taken();
  EXPECT_TRUE(checkpointer_.is_damaged());
  EXPECT_EQ(checkpointer_.deadline(), Instant{}) << "at once";
  const std::optional<Checkpoint> all = step();
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->anew);
  EXPECT_TRUE(all->end);
  std::vector<std::string> expected;
  store_.for_each_row([&](std::string_view key, const RowValue&) { expected.emplace_back(key); });
  std::vector<std::string> written;
  for (const Row& row : all->rows) written.push_back(row.key);
  EXPECT_EQ(written, expected);
  EXPECT_TRUE(checkpointer_.is_damaged());
  checkpointer_.taken();
  EXPECT_FALSE(checkpointer_.is_damaged());
  EXPECT_FALSE(step()) << "once";
  put(20);
  const std::optional<Checkpoint> next = step();
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->anew);
  EXPECT_LT(next->rows.size(), all->rows.size());
}

TEST_F(CheckpointerTest, OnlyTheFirstPieceOfAllSaysSo) {
  put(limits::kRowsMarkedPerStep + 2);
  ASSERT_TRUE(checkpointer_.begin_anew());
  EXPECT_FALSE(step()) << "rows are marked, some of them at a time";
  EXPECT_EQ(checkpointer_.deadline(), Instant{});
  std::vector<bool> anew;
  while (const std::optional<Checkpoint> piece = step()) {
    anew.push_back(piece->anew);
    checkpointer_.taken();
    if (piece->end) break;
  }
  ASSERT_GE(anew.size(), 3U);
  EXPECT_TRUE(anew.front());
  EXPECT_EQ(std::count(anew.begin(), anew.end(), true), 1);
}

TEST_F(CheckpointerTest, LargeRowsMakeSmallPieces) {
  put(5, limits::kValueBytesMax);
  checkpointer_.hurry();
  size_t pieces = 0;
  while (const std::optional<Checkpoint> piece = step()) {
    size_t bytes = 0;
    for (const Row& row : piece->rows) bytes += row.value ? row.value->size() : 0;
    EXPECT_LE(bytes, limits::kCheckpointPieceBytes + limits::kValueBytesMax + 1000);
    ++pieces;
    checkpointer_.taken();
    if (piece->end) break;
  }
  EXPECT_GE(pieces, 3U);
}

}  // namespace
}  // namespace patronus::checkpointer_test
