// Requests that wait at a node: each is answered once, by what it waited for or by its deadline.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/requests/pending_reads.h"
#include "core/requests/pending_writes.h"

namespace patronus::pending_test {
namespace {

Instant at(int64_t ms) { return Instant{0} + std::chrono::milliseconds(ms); }

PendingWrite write(uint64_t request, int64_t deadline_ms = 1000) {
  return {RequestId{request}, Blob("command"), at(deadline_ms), {}, false, Term{}};
}

ClientRead read(uint64_t request, Consistency consistency, uint64_t min_revision = 0,
                int64_t deadline_ms = 1000) {
  return {RequestId{request}, GetQuery{"n", "k"}, consistency, Index{min_revision}, at(deadline_ms)};
}
ClientRead linearizable(uint64_t request, int64_t deadline_ms = 1000) {
  return read(request, Consistency::kLinearizable, 0, deadline_ms);
}

std::vector<uint64_t> take_all_ready(PendingReads& reads, uint64_t applied) {
  std::vector<uint64_t> all;
  while (const auto one = reads.take_ready(Index{applied})) all.push_back(one->request.value);
  return all;
}

class PendingWritesTest : public ::testing::Test {
 protected:
#ifdef PATRONUS_MUTANTS
  // The mutant of the whole process is put back whatever a test does.
  void TearDown() override { active_mutant = Mutant::kNone; }
#endif
};

TEST_F(PendingWritesTest, EachBootHasNumbersOfItsOwn) {
  for (uint64_t boot = 1; boot < 5; ++boot) {
    const uint64_t first = PendingWrites(boot).next_sequence();
    EXPECT_GT(first, boot << limits::kSequenceBitsPerBoot);
    EXPECT_LT(first, (boot + 1) << limits::kSequenceBitsPerBoot);
  }
}

#ifdef PATRONUS_MUTANTS
// Without the protection two boots use the same numbers, and the second one's writes look repeated.
TEST_F(PendingWritesTest, TheMutantUsesNumbersTwice) {
  active_mutant = Mutant::kSequenceFromZero;
  EXPECT_EQ(PendingWrites(1).next_sequence(), PendingWrites(2).next_sequence());
}
#endif

TEST_F(PendingWritesTest, AreFoundAndResolvedOnce) {
  PendingWrites writes(1);
  const uint64_t sequence = writes.next_sequence();
  writes.add(write(7));
  EXPECT_EQ(writes.find(sequence)->request, RequestId{7});
  EXPECT_EQ(writes.find(sequence + 1), nullptr);
  EXPECT_EQ(writes.resolve(sequence)->request, RequestId{7});
  EXPECT_FALSE(writes.resolve(sequence));
  EXPECT_EQ(writes.size(), 0U);
  EXPECT_EQ(writes.deadline(), Instant::never());
}

TEST_F(PendingWritesTest, AreVisitedInTheOrderOfTheirNumbers) {
  PendingWrites writes(1);
  for (uint64_t i = 0; i < 5; ++i) writes.add(write(i, 1000 - static_cast<int64_t>(i)));
  std::vector<uint64_t> seen;
  writes.for_each([&](PendingWrite& one) { seen.push_back(one.request.value); });
  EXPECT_EQ(seen, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
}

TEST_F(PendingWritesTest, TheOneWhoseDeadlineIsFirstExpiresFirst) {
  PendingWrites writes(1);
  writes.add(write(1, 300));
  writes.add(write(2, 100));
  EXPECT_EQ(writes.deadline(), at(100));
  EXPECT_FALSE(writes.take_expired(at(99)));
  EXPECT_EQ(writes.take_expired(at(500))->request, RequestId{2});
  EXPECT_EQ(writes.take_expired(at(500))->request, RequestId{1});
  EXPECT_FALSE(writes.take_expired(at(500)));
}

// What the oldest waits for holds the window, whatever came after it is done: the numbers between must be
// remembered by every node.
TEST_F(PendingWritesTest, TheWindowIsFromTheOldestThatWaits) {
  PendingWrites writes(1);
  const uint64_t first = writes.next_sequence();
  writes.add(write(1));
  while (writes.has_room()) {
    writes.add(write(2));
    ASSERT_TRUE(writes.resolve(writes.next_sequence() - 1));
  }
  EXPECT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes.resolved_below(), first);
  EXPECT_LT(writes.next_sequence() - first, limits::kWritesInFlightMax) << "within the deduplication window";
  EXPECT_TRUE(writes.resolve(first));
  EXPECT_TRUE(writes.has_room());
  EXPECT_EQ(writes.resolved_below(), writes.next_sequence());
}

RC_GTEST_PROP(PendingWritesModel, EachComesOutOnce, ()) {
  PendingWrites writes(3);
  std::set<uint64_t> waiting;
  uint64_t added = 0;
  uint64_t out = 0;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        waiting.insert(writes.next_sequence());
        writes.add(write(++added, *rc::gen::inRange(0, 100)));
        break;
      case 1: {
        if (waiting.empty()) break;
        const uint64_t one = *rc::gen::elementOf(std::vector<uint64_t>(waiting.begin(), waiting.end()));
        RC_ASSERT(writes.resolve(one).has_value());
        waiting.erase(one);
        ++out;
        break;
      }
      default: {
        const Instant now = at(*rc::gen::inRange(0, 100));
        while (const auto expired = writes.take_expired(now)) {
          RC_ASSERT(expired->deadline <= now);
          ++out;
        }
        RC_ASSERT(writes.deadline() > now);
        std::erase_if(waiting, [&](uint64_t one) { return writes.find(one) == nullptr; });
      }
    }
    RC_ASSERT(writes.size() == waiting.size());
    RC_ASSERT(added == out + writes.size());
    RC_ASSERT(writes.resolved_below() == (waiting.empty() ? writes.next_sequence() : *waiting.begin()));
  }
}

TEST(PendingReads, AStaleReadWaitsForItsRevisionOnly) {
  PendingReads reads;
  reads.add(read(1, Consistency::kStale));
  reads.add(read(2, Consistency::kStale, 5));
  EXPECT_FALSE(reads.wants_index());
  EXPECT_EQ(take_all_ready(reads, 0), std::vector<uint64_t>{1});
  EXPECT_EQ(take_all_ready(reads, 4), std::vector<uint64_t>{});
  EXPECT_EQ(take_all_ready(reads, 5), std::vector<uint64_t>{2});
  EXPECT_EQ(reads.size(), 0U);
}

TEST(PendingReads, ALinearizableReadWaitsForAnIndexAndForItToBeApplied) {
  PendingReads reads;
  reads.add(linearizable(1));
  EXPECT_TRUE(reads.wants_index());
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{});
  const uint64_t ticket = reads.ask(at(7));
  EXPECT_EQ(reads.asked_at(), at(7));
  EXPECT_FALSE(reads.wants_index());
  reads.answered(ticket, Index{9});
  EXPECT_FALSE(reads.asked());
  EXPECT_EQ(take_all_ready(reads, 8), std::vector<uint64_t>{});
  EXPECT_EQ(take_all_ready(reads, 9), std::vector<uint64_t>{1});
}

// A read that came after the question was asked must not be served by its answer: a write acknowledged in
// between might be missing from it.
TEST(PendingReads, WhoComesAfterTheQuestionNeedsAnother) {
  PendingReads reads;
  reads.add(linearizable(1));
  const uint64_t first = reads.ask(at(0));
  reads.add(linearizable(2));
  EXPECT_FALSE(reads.wants_index()) << "one question at a time";
  reads.answered(first, Index{3});
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{1});
  EXPECT_TRUE(reads.wants_index());
  reads.answered(reads.ask(at(1)), Index{4});
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{2});
}

// The answer to a question that was given up may come from a leader that was deposed.
TEST(PendingReads, AnAnswerToAnotherQuestionIsIgnored) {
  PendingReads reads;
  reads.add(linearizable(1));
  const uint64_t lost = reads.ask(at(0));
  reads.unask();
  EXPECT_TRUE(reads.wants_index());
  reads.answered(lost, Index{1});
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{});
  const uint64_t again = reads.ask(at(1));
  EXPECT_NE(again, lost);
  reads.answered(lost, Index{1});
  EXPECT_TRUE(reads.asked());
  reads.answered(again, Index{2});
  reads.answered(again, Index{2});
  EXPECT_EQ(take_all_ready(reads, 2), std::vector<uint64_t>{1});
}

TEST(PendingReads, ExpireWithOrWithoutAnIndex) {
  PendingReads reads;
  reads.add(linearizable(1, 100));
  reads.add(read(2, Consistency::kStale, 50, 200));
  EXPECT_EQ(reads.deadline(), at(100));
  EXPECT_FALSE(reads.take_expired(at(99)));
  auto expired = reads.take_expired(at(300));
  EXPECT_EQ(expired->read.request, RequestId{1});
  EXPECT_FALSE(expired->has_index);
  EXPECT_FALSE(reads.wants_index()) << "nobody is left to ask for";
  expired = reads.take_expired(at(300));
  EXPECT_EQ(expired->read.request, RequestId{2});
  EXPECT_TRUE(expired->has_index);
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{});
}

TEST(PendingReads, AnAnswerForOneThatExpiredIsNoMatter) {
  PendingReads reads;
  reads.add(linearizable(1, 100));
  reads.add(linearizable(2, 1000));
  const uint64_t ticket = reads.ask(at(0));
  EXPECT_TRUE(reads.take_expired(at(100)));
  reads.answered(ticket, Index{1});
  EXPECT_EQ(take_all_ready(reads, 100), std::vector<uint64_t>{2});
}

TEST(PendingReads, HaveABound) {
  PendingReads reads;
  for (size_t i = 0; i < limits::kReadsInFlightMax; ++i) {
    ASSERT_TRUE(reads.has_room());
    reads.add(linearizable(i));
  }
  EXPECT_FALSE(reads.has_room());
}

// Whatever happens in whatever order, each read comes out once.
RC_GTEST_PROP(PendingReadsModel, EachComesOutOnce, ()) {
  PendingReads reads;
  std::set<uint64_t> waiting;
  uint64_t ticket = 0;
  uint64_t added = 0;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const auto some = *rc::gen::inRange<uint64_t>(0, 10);
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
      case 1:
        waiting.insert(++added);
        reads.add(read(added, *rc::gen::element(Consistency::kStale, Consistency::kLinearizable), some,
                       *rc::gen::inRange(0, 100)));
        break;
      case 2:
        if (reads.wants_index()) ticket = reads.ask(at(i));
        break;
      case 3:
        reads.answered(*rc::gen::element(ticket, ticket + 1, uint64_t{1}), Index{some});
        break;
      case 4:
        reads.unask();
        break;
      default:
        while (const auto one = reads.take_ready(Index{some})) {
          RC_ASSERT(one->min_revision <= Index{some});
          RC_ASSERT(waiting.erase(one->request.value) == 1U);
        }
        if (const auto one = reads.take_expired(at(static_cast<int64_t>(some) * 10))) {
          RC_ASSERT(waiting.erase(one->read.request.value) == 1U);
        }
    }
    RC_ASSERT(reads.size() == waiting.size());
  }
  while (const auto one = reads.take_expired(at(1000)))
    RC_ASSERT(waiting.erase(one->read.request.value) == 1U);
  RC_ASSERT(waiting.empty());
  RC_ASSERT(reads.deadline() == Instant::never());
}

}  // namespace
}  // namespace patronus::pending_test
