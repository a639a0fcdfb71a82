// Answers kept under a client's own name for a write: the same request gets the same answer, another is
// refused, and nothing is kept for ever.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>

#include "core/base/limits.h"
#include "core/state/keyed_writes.h"

namespace patronus::keyed_writes_test {
namespace {

constexpr int64_t kKeptMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kKeyedWriteKept).count();

WriteResult answer(uint64_t revision) {
  WriteResult result;
  result.revision = Index{revision};
  return result;
}

Stamp lease(int64_t ms) { return {ms, 0}; }

std::optional<Outcome> outcome(const KeyedWrites& kept, const IdempotencyKey& key) {
  const std::optional<WriteResult> found = kept.answer(key);
  return found ? std::optional(found->outcome) : std::nullopt;
}

TEST(KeyedWrites, ANewKeyHasNoAnswer) {
  const KeyedWrites kept;
  EXPECT_EQ(kept.answer({"u", "k", 1}), std::nullopt);
  EXPECT_EQ(kept.bytes(), 0U);
}

TEST(KeyedWrites, TheSameRequestGetsTheSameAnswer) {
  KeyedWrites kept;
  kept.keep({"u", "k", 1}, answer(7), lease(0));
  EXPECT_EQ(kept.answer({"u", "k", 1}), answer(7));
}

// Answering another request with the first one's answer would tell the client that something was written.
TEST(KeyedWrites, AnotherRequestUnderTheKeyIsRefused) {
  KeyedWrites kept;
  kept.keep({"u", "k", 1}, answer(7), lease(0));
  EXPECT_EQ(outcome(kept, {"u", "k", 2}), Outcome::kKeyReused);
}

// User and key are told apart, not run together.
TEST(KeyedWrites, KeysAreEachUsersOwn) {
  KeyedWrites kept;
  kept.keep({"u", "k", 1}, answer(7), lease(0));
  EXPECT_EQ(kept.answer({"v", "k", 2}), std::nullopt);
  EXPECT_EQ(kept.answer({"", "uk", 2}), std::nullopt);
  EXPECT_EQ(kept.answer({"uk", "", 2}), std::nullopt);
}

// Time is the leaders' lease, so a day without a leader does not eat a day of a kept answer.
TEST(KeyedWrites, AreKeptForADayOfLeaseTime) {
  KeyedWrites kept;
  kept.keep({"u", "k", 1}, answer(7), lease(1000));
  kept.expire(Stamp{1000 + kKeptMs - 1, 99 * kKeptMs});
  EXPECT_TRUE(kept.answer({"u", "k", 1}));
  kept.expire(lease(1000 + kKeptMs));
  EXPECT_EQ(kept.answer({"u", "k", 1}), std::nullopt);
  EXPECT_EQ(kept.bytes(), 0U);
  EXPECT_EQ(kept.hash(), KeyedWrites().hash());
}

TEST(KeyedWrites, ExpireABoundedNumberAtATime) {
  KeyedWrites kept;
  const size_t count = limits::kKeyedExpiredPerApplyMax + 10;
  for (size_t i = 0; i < count; ++i) kept.keep({"u", std::to_string(i), 1}, answer(i), lease(0));
  const size_t each = kept.bytes();
  kept.expire(lease(kKeptMs));
  EXPECT_EQ(kept.answer({"u", "0", 1}), std::nullopt);
  EXPECT_EQ(kept.answer({"u", std::to_string(limits::kKeyedExpiredPerApplyMax - 1), 1}), std::nullopt);
  EXPECT_TRUE(kept.answer({"u", std::to_string(limits::kKeyedExpiredPerApplyMax), 1}));
  EXPECT_LT(kept.bytes(), each);
  kept.expire(lease(kKeptMs));
  EXPECT_EQ(kept.bytes(), 0U);
}

TEST(KeyedWrites, AUserHasACapOfItsOwn) {
  KeyedWrites kept;
  for (size_t i = 0; i < limits::kKeyedWritesPerUserMax; ++i)
    kept.keep({"u", std::to_string(i), 1}, answer(1), lease(0));
  EXPECT_EQ(outcome(kept, {"u", "new", 1}), Outcome::kKeyCapReached);
  EXPECT_EQ(outcome(kept, {"u", "0", 1}), Outcome::kOk) << "what is kept is still answered";
  EXPECT_EQ(kept.answer({"v", "new", 1}), std::nullopt);
  kept.expire(lease(kKeptMs));
  EXPECT_EQ(kept.answer({"u", "new", 1}), std::nullopt) << "room came with time";
}

RC_GTEST_PROP(KeyedWrites, TheHashTellsStatesApart, (uint64_t body, uint64_t revision, int64_t at)) {
  KeyedWrites one;
  KeyedWrites same;
  KeyedWrites other;
  one.keep({"u", "k", body}, answer(revision), lease(at));
  same.keep({"u", "k", body}, answer(revision), lease(at));
  RC_ASSERT(one.hash() == same.hash());
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      other.keep({"u", "k", body + 1}, answer(revision), lease(at));
      break;
    case 1:
      other.keep({"u", "k", body}, answer(revision + 1), lease(at));
      break;
    case 2:
      other.keep({"u", "k", body}, answer(revision), lease(at ^ 1));
      break;
    default:
      other.keep({"u", "l", body}, answer(revision), lease(at));
      break;
  }
  RC_ASSERT(one.hash() != other.hash());
}

}  // namespace
}  // namespace patronus::keyed_writes_test
