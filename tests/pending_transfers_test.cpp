// Wishes for another leader: asked for until the log shows them met, refused, or late.
#include "core/requests/pending_transfers.h"

#include <gtest/gtest.h>

namespace patronus::pending_transfers_test {
namespace {

using namespace std::chrono_literals;

const Instant kBegan{1'000'000'000};

ClientTransfer wish(uint64_t request, const NodeId& target = {}) {
  return {RequestId{request}, target, "user u", kBegan + 10s};
}

class PendingTransfersTest : public ::testing::Test {
 protected:
  PendingTransfersTest() { pending.set_boot(3); }
  PendingTransfers pending;
};

TEST_F(PendingTransfersTest, AsksAtOnceAndThenAtAnInterval) {
  pending.add(wish(1), "a", Term{5}, kBegan);
  EXPECT_EQ(pending.deadline(), kBegan);
  const auto ticket = pending.take_due("a", Term{5}, kBegan);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(*ticket >> limits::kSequenceBitsPerBoot, 3U);
  EXPECT_FALSE(pending.take_due("a", Term{5}, kBegan));
  EXPECT_EQ(pending.deadline(), kBegan + limits::kTransferRetry);
  EXPECT_EQ(pending.take_due("a", Term{5}, kBegan + limits::kTransferRetry), ticket);
}

TEST_F(PendingTransfersTest, AnyOtherLeaderOfALaterTermMeetsAWishWithoutAName) {
  pending.add(wish(1), "a", Term{5}, kBegan);
  EXPECT_FALSE(pending.take_met("a", Term{5}));
  EXPECT_FALSE(pending.take_met("a", Term{6})) << "the same one again";
  EXPECT_FALSE(pending.take_met("b", Term{4})) << "an entry of former times";
  // Known, but its entry not applied: nobody is asked again, and nothing spins.
  EXPECT_FALSE(pending.take_due("b", Term{6}, kBegan));
  EXPECT_GT(pending.deadline(), kBegan);
  const auto met = pending.take_met("b", Term{6});
  ASSERT_TRUE(met);
  EXPECT_EQ(met->wish.request, RequestId{1});
  EXPECT_TRUE(pending.empty());
}

TEST_F(PendingTransfersTest, ANamedNodeMustLeadItself) {
  pending.add(wish(1, "c"), "a", Term{5}, kBegan);
  EXPECT_FALSE(pending.take_met("b", Term{6}));
  EXPECT_TRUE(pending.take_due("b", Term{6}, kBegan)) << "whoever leads instead is asked to hand over";
  EXPECT_TRUE(pending.take_met("c", Term{7}));
  // Also one that led before: it lost its leadership meanwhile and shall have it again.
  pending.add(wish(2, "a"), "a", Term{5}, kBegan);
  EXPECT_TRUE(pending.take_met("a", Term{9}));
}

TEST_F(PendingTransfersTest, ARefusalEndsItOnce) {
  pending.add(wish(1), "a", Term{5}, kBegan);
  const auto ticket = pending.take_due("a", Term{5}, kBegan);
  EXPECT_FALSE(pending.resolve(*ticket + 1));
  EXPECT_TRUE(pending.resolve(*ticket));
  EXPECT_FALSE(pending.resolve(*ticket));
}

TEST_F(PendingTransfersTest, TimeEndsItAndTheNumberIsBounded) {
  for (size_t i = 0; i < limits::kTransfersInFlightMax; ++i) {
    ASSERT_TRUE(pending.has_room());
    pending.add(wish(i), "a", Term{5}, kBegan);
  }
  EXPECT_FALSE(pending.has_room());
  EXPECT_FALSE(pending.take_expired(kBegan + 9s));
  size_t ended = 0;
  while (pending.take_expired(kBegan + 10s)) ++ended;
  EXPECT_EQ(ended, limits::kTransfersInFlightMax);
  EXPECT_EQ(pending.deadline(), Instant::never());
}

}  // namespace
}  // namespace patronus::pending_transfers_test
