// What a key's history may look like, and what no order explains.
#include <gtest/gtest.h>

#include <vector>

#include "sim/history.h"

namespace patronus::sim::linearizability_test {
namespace {

constexpr uint64_t kStepsMax = 10'000;

// Operations that follow each other, unless one is told to begin earlier.
class History {
 public:
  Op& add(OpKind kind, uint64_t value, uint64_t revision) {
    Op op;
    op.kind = kind;
    op.value = value;
    op.revision = revision;
    op.end = OpEnd::kOk;
    op.invoked = Instant{++now_};
    op.returned = Instant{++now_};
    ops_.push_back(op);
    return ops_.back();
  }
  Op& put(uint64_t value, uint64_t revision) { return add(OpKind::kPut, value, revision); }
  Op& read(uint64_t value, uint64_t revision) { return add(OpKind::kRead, value, revision); }
  Op& swap(uint64_t expected, uint64_t value, uint64_t revision) {
    Op& op = add(OpKind::kSwap, value, revision);
    op.guard = Guard::kIfMatch;
    op.expected = expected;
    return op;
  }
  Op& failed_swap(uint64_t expected, std::optional<uint64_t> found_revision) {
    Op& op = swap(expected, 99, 0);
    op.end = OpEnd::kFailed;
    op.found_revision = found_revision;
    return op;
  }
  Linearizable judge() const { return check_key(ops_, kStepsMax); }

 private:
  std::vector<Op> ops_;
  int64_t now_ = 0;
};

TEST(Linearizability, AReadSeesWhatWasWrittenLast) {
  History history;
  history.read(0, 0);
  history.put(1, 10);
  history.put(2, 11);
  history.read(2, 11);
  EXPECT_EQ(history.judge(), Linearizable::kYes);
  history.read(1, 10);
  EXPECT_EQ(history.judge(), Linearizable::kNo);
}

TEST(Linearizability, AWriteWithoutAnAnswerMayHaveHappenedOrNot) {
  for (const uint64_t seen : {1U, 2U, 3U}) {
    History history;
    history.put(1, 10);
    history.put(2, 0).end = OpEnd::kUnknown;
    history.read(seen, seen == 1 ? 10 : 11);
    EXPECT_EQ(history.judge(), seen < 3 ? Linearizable::kYes : Linearizable::kNo) << seen;
  }
}

TEST(Linearizability, ASwapHappensToWhatItExpectsOnly) {
  History history;
  history.put(1, 10);
  history.swap(1, 2, 11);
  EXPECT_EQ(history.judge(), Linearizable::kYes);
  history.swap(1, 3, 12);
  EXPECT_EQ(history.judge(), Linearizable::kNo) << "its condition was ignored";
}

TEST(Linearizability, ARestoreBringsAValueBackWithARevisionOfItsOwn) {
  History history;
  history.put(1, 10);
  history.put(2, 11);
  history.add(OpKind::kRestore, 1, 12);
  history.failed_swap(1, 12).expected_revision = 10;
  history.read(1, 12);
  EXPECT_EQ(history.judge(), Linearizable::kYes);
  History unmoved = history;
  history.read(1, 10);
  EXPECT_EQ(history.judge(), Linearizable::kNo) << "its revision went back";
  unmoved.add(OpKind::kRestore, 1, 13);
  unmoved.read(1, 12);
  EXPECT_EQ(unmoved.judge(), Linearizable::kYes) << "what is as in the snapshot stays untouched";
  unmoved.swap(1, 5, 14).expected_revision = 10;
  EXPECT_EQ(unmoved.judge(), Linearizable::kNo) << "it expects what was there before the restore";
}

TEST(Linearizability, ASwapFailsOnlyWhereSomethingElseIs) {
  History history;
  history.put(1, 10);
  history.failed_swap(5, 10);
  history.failed_swap(5, std::nullopt);
  EXPECT_EQ(history.judge(), Linearizable::kYes);
  history.failed_swap(1, std::nullopt);
  EXPECT_EQ(history.judge(), Linearizable::kNo);
}

TEST(Linearizability, TheRevisionThatWasThereMustHaveBeenThere) {
  const auto judge = [](uint64_t found) {
    History history;
    history.put(1, 10);
    history.put(2, 11);
    history.failed_swap(7, found);
    history.put(3, 12);
    return history.judge();
  };
  EXPECT_EQ(judge(11), Linearizable::kYes);
  EXPECT_EQ(judge(10), Linearizable::kNo) << "no longer";
  EXPECT_EQ(judge(12), Linearizable::kNo) << "not yet";
  EXPECT_EQ(judge(0), Linearizable::kNo) << "it does exist";
}

TEST(Linearizability, TheValueThatWasReadInsteadMustHaveBeenThere) {
  for (const uint64_t found : {1U, 2U}) {
    History history;
    history.put(1, 10);
    history.put(2, 11);
    history.failed_swap(7, std::nullopt).found = found;
    EXPECT_EQ(history.judge(), found == 2 ? Linearizable::kYes : Linearizable::kNo);
  }
}

TEST(Linearizability, AGuardedDeletionDeletesWhatItExpectsOnly) {
  for (const uint64_t expected : {1U, 2U}) {
    History history;
    history.put(1, 10);
    history.put(2, 11);
    Op& deletion = history.add(OpKind::kDelete, 0, 12);
    deletion.guard = Guard::kIfMatch;
    deletion.expected = expected;
    EXPECT_EQ(history.judge(), expected == 2 ? Linearizable::kYes : Linearizable::kNo);
  }
}

TEST(Linearizability, AValueHasOneRevision) {
  History history;
  history.put(1, 10);
  history.read(1, 11);
  EXPECT_EQ(history.judge(), Linearizable::kNo);
  History other;
  other.put(1, 10);
  other.put(2, 10);
  EXPECT_EQ(other.judge(), Linearizable::kNo) << "and each revision one value";
}

}  // namespace
}  // namespace patronus::sim::linearizability_test
