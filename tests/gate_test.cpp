// Nothing that waits for a write leaves before it is on disk, and what leaves does so in order.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "io/gate.h"

namespace patronus::gate_test {
namespace {

Reply reply(uint64_t request, uint64_t after) {
  return {RequestId{request}, WriteResult{}, PersistId{after}};
}

void hold(Gate& gate, uint64_t request, uint64_t after) {
  gate.hold(PersistId{after}, reply(request, after));
}

std::vector<uint64_t> requests(const std::vector<Gate::Gated>& effects) {
  std::vector<uint64_t> all;
  for (const Gate::Gated& effect : effects) all.push_back(std::get<Reply>(effect).request.value);
  return all;
}

TEST(Gate, IsOpenForWhatWaitsForNothing) {
  const Gate gate;
  EXPECT_TRUE(gate.open_for(PersistId{}));
  EXPECT_FALSE(gate.open_for(PersistId{1}));
}

TEST(Gate, OpensWithTheWriteAndThoseBeforeIt) {
  Gate gate;
  EXPECT_TRUE(gate.release(PersistId{2}).empty());
  EXPECT_TRUE(gate.open_for(PersistId{1}));
  EXPECT_TRUE(gate.open_for(PersistId{2}));
  EXPECT_FALSE(gate.open_for(PersistId{3}));
  EXPECT_EQ(gate.done(), PersistId{2});
}

TEST(Gate, ReleasesWhatWaitedForThisWriteOrAnEarlierOne) {
  Gate gate;
  hold(gate, 10, 1);
  hold(gate, 20, 2);
  hold(gate, 30, 3);
  EXPECT_EQ(requests(gate.release(PersistId{2})), (std::vector<uint64_t>{10, 20}));
  EXPECT_EQ(gate.held(), 1U);
  EXPECT_EQ(requests(gate.release(PersistId{3})), (std::vector<uint64_t>{30}));
  EXPECT_EQ(gate.held(), 0U);
}

// Two messages to one peer must not overtake each other at the gate.
TEST(Gate, KeepsTheOrderOfThoseThatWaitForTheSameWrite) {
  Gate gate;
  for (uint64_t i = 0; i < 20; ++i) hold(gate, i, 1);
  const std::vector<uint64_t> out = requests(gate.release(PersistId{1}));
  EXPECT_EQ(out.size(), 20U);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
}

TEST(Gate, AReportThatComesLateClosesNothing) {
  Gate gate;
  (void)gate.release(PersistId{5});
  EXPECT_TRUE(gate.release(PersistId{3}).empty());
  EXPECT_EQ(gate.done(), PersistId{5});
}

// Whatever is held and released in whatever order: each leaves once, never before its write, and among those
// that wait for the same write in the order in which they came.
RC_GTEST_PROP(Gate, NothingIsVisibleBeforeItIsDurable, ()) {
  Gate gate;
  std::vector<uint64_t> after_of;
  std::vector<bool> left;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    if (*rc::gen::arbitrary<bool>()) {
      const uint64_t after = gate.done().value + *rc::gen::inRange<uint64_t>(1, 6);
      hold(gate, after_of.size(), after);
      after_of.push_back(after);
      left.push_back(false);
      continue;
    }
    const auto out = requests(gate.release(PersistId{gate.done().value + *rc::gen::inRange<uint64_t>(0, 3)}));
    for (size_t k = 0; k < out.size(); ++k) {
      RC_ASSERT(!left[out[k]]);
      RC_ASSERT(after_of[out[k]] <= gate.done().value);
      if (k > 0 && after_of[out[k - 1]] == after_of[out[k]]) RC_ASSERT(out[k - 1] < out[k]);
      left[out[k]] = true;
    }
  }
  for (size_t i = 0; i < left.size(); ++i) RC_ASSERT(left[i] == (after_of[i] <= gate.done().value));
}

}  // namespace
}  // namespace patronus::gate_test
