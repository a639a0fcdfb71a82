// Who is offered the state, and how it is fetched.
#include <gtest/gtest.h>

#include "core/artefact_fetch.h"
#include "core/artefact_offers.h"
#include "core/base/limits.h"
#include "tests/mutant_guard.h"

namespace patronus::artefact_exchange_test {
namespace {

using namespace std::chrono_literals;
using test::MutantGuard;

constexpr Instant kStart{1'000'000'000};
constexpr Artefact kState{Index{50}, 0xabc, 3 * limits::kArtefactPartBytes + 100};

TEST(ArtefactOffers, OneIsMadeWhenNoneIsOfUse) {
  ArtefactOffers offers;
  ASSERT_TRUE(offers.begin_making(kStart, Index{40}));
  EXPECT_FALSE(offers.begin_making(kStart, Index{40})) << "it is being made";
  EXPECT_FALSE(offers.offer_to("b", kStart, Index{40}));
  offers.made(kStart, kState);
  EXPECT_FALSE(offers.begin_making(kStart, Index{50})) << "the log goes on after it";
  EXPECT_TRUE(offers.begin_making(kStart, Index{51})) << "something is missing between it and the log";
  EXPECT_FALSE(offers.offer_to("b", kStart, Index{51}));
}

TEST(ArtefactOffers, WhatCouldNotBeMadeIsTriedAgainLater) {
  ArtefactOffers offers;
  ASSERT_TRUE(offers.begin_making(kStart, Index{40}));
  offers.made(kStart, std::nullopt);
  EXPECT_FALSE(offers.begin_making(kStart + limits::kArtefactRetry - 1ms, Index{40}));
  EXPECT_TRUE(offers.begin_making(kStart + limits::kArtefactRetry, Index{40}));
}

TEST(ArtefactOffers, EachMemberIsToldNowAndThen) {
  ArtefactOffers offers;
  ASSERT_TRUE(offers.begin_making(kStart, Index{40}));
  offers.made(kStart, kState);
  EXPECT_EQ(offers.offer_to("b", kStart, Index{40}), kState);
  EXPECT_FALSE(offers.offer_to("b", kStart + 10ms, Index{40}));
  EXPECT_EQ(offers.offer_to("c", kStart + 10ms, Index{40}), kState);
  EXPECT_EQ(offers.offer_to("b", kStart + limits::kArtefactOfferInterval, Index{40}), kState);
}

TEST(ArtefactOffers, WhatComesAfterItIsHeldWhileItIsUsed) {
  ArtefactOffers offers;
  EXPECT_FALSE(offers.held_after(kStart));
  ASSERT_TRUE(offers.begin_making(kStart, Index{40}));
  offers.made(kStart, kState);
  EXPECT_FALSE(offers.held_after(kStart)) << "nobody knows of it";
  ASSERT_TRUE(offers.offer_to("b", kStart, Index{40}));
  EXPECT_EQ(offers.held_after(kStart + limits::kArtefactHold - 1ms), Index{50});
  EXPECT_FALSE(offers.held_after(kStart + limits::kArtefactHold));
  offers.fetched(Artefact{Index{49}, 1, 1}, kStart + limits::kArtefactHold);
  EXPECT_FALSE(offers.held_after(kStart + limits::kArtefactHold)) << "that was another one";
  offers.fetched(kState, kStart + limits::kArtefactHold);
  EXPECT_EQ(offers.held_after(kStart + limits::kArtefactHold), Index{50});
  EXPECT_EQ(offers.waiting(), std::vector<NodeId>{"b"});
  offers.done("b");
  EXPECT_FALSE(offers.held_after(kStart + limits::kArtefactHold)) << "who needed it has got it";
}

class Fetch : public ::testing::Test {
 protected:
  // Everything asked for so far arrives and is kept.
  void serve(std::vector<uint64_t> offsets, Instant now) {
    for (const uint64_t offset : offsets) {
      ASSERT_TRUE(fetch_.arrived(fetch_.artefact(), offset, size_of(offset)));
      fetch_.kept(offset, now);
    }
  }
  static size_t size_of(uint64_t offset) {
    return std::min<uint64_t>(limits::kArtefactPartBytes, kState.bytes - offset);
  }

  ArtefactFetch fetch_;
};

TEST_F(Fetch, PartByPartUntilItIsWhole) {
  ASSERT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart));
  const std::vector<uint64_t> asked = fetch_.due(kStart);
  EXPECT_EQ(asked.size(), std::min<size_t>(4, limits::kArtefactPartsInFlight));
  EXPECT_TRUE(fetch_.due(kStart).empty()) << "no more than a few at a time";
  EXPECT_FALSE(fetch_.is_whole());
  serve(asked, kStart);
  EXPECT_TRUE(fetch_.due(kStart).empty());
  EXPECT_TRUE(fetch_.is_whole());
  EXPECT_EQ(fetch_.bytes_kept(), kState.bytes);
}

TEST_F(Fetch, OnlyWhatWasAskedForIsKept) {
  EXPECT_FALSE(fetch_.arrived(kState, 0, limits::kArtefactPartBytes));
  ASSERT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart));
  EXPECT_FALSE(fetch_.arrived(kState, 0, limits::kArtefactPartBytes)) << "nobody has asked yet";
  ASSERT_FALSE(fetch_.due(kStart).empty());
  EXPECT_FALSE(fetch_.arrived(kState, 0, limits::kArtefactPartBytes - 1)) << "of another size";
  Artefact other = kState;
  ++other.hash;
  EXPECT_FALSE(fetch_.arrived(other, 0, limits::kArtefactPartBytes)) << "of another one";
  EXPECT_TRUE(fetch_.arrived(kState, 0, limits::kArtefactPartBytes));
  EXPECT_FALSE(fetch_.arrived(kState, 0, limits::kArtefactPartBytes)) << "a second time";
  EXPECT_EQ(fetch_.bytes_kept(), 0U) << "it is on its way to the disk";
}

// Scenario 28: nobody waits for ever for a part that was lost.
TEST_F(Fetch, ALostPartIsAskedForAgain) {
  ASSERT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart));
  const std::vector<uint64_t> asked = fetch_.due(kStart);
  EXPECT_EQ(fetch_.deadline(), kStart + limits::kArtefactPartRetry);
  EXPECT_TRUE(fetch_.due(kStart + limits::kArtefactPartRetry - 1ms).empty());
  EXPECT_EQ(fetch_.due(kStart + limits::kArtefactPartRetry), asked);
}

TEST_F(Fetch, OneThatIsStuckGoesOnWithWhateverIsOffered) {
  ASSERT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart));
  const std::vector<uint64_t> asked = fetch_.due(kStart);
  serve({asked[0]}, kStart);
  const Artefact newer{Index{70}, 5, 1000};
  EXPECT_FALSE(fetch_.offered(newer, "b", Index{10}, kStart + 1s)) << "the one under way is coming";
  EXPECT_FALSE(fetch_.offered(kState, "b", Index{10}, kStart + 1s));
  EXPECT_EQ(fetch_.source(), "b") << "whoever has it will do";
  const Instant late = kStart + limits::kArtefactPatience;
  EXPECT_TRUE(fetch_.due(late).empty()) << "stuck";
  EXPECT_EQ(fetch_.deadline(), Instant::never());
  // Scenario 28: what is here already is not fetched again.
  EXPECT_TRUE(fetch_.offered(kState, "c", Index{10}, late));
  EXPECT_EQ(fetch_.bytes_kept(), limits::kArtefactPartBytes);
  EXPECT_EQ(fetch_.due(late).size(), asked.size() - 1);
  const Instant later = late + limits::kArtefactPatience;
  EXPECT_TRUE(fetch_.offered(newer, "b", Index{10}, later));
  EXPECT_EQ(fetch_.bytes_kept(), 0U);
  EXPECT_EQ(fetch_.due(later), std::vector<uint64_t>{0});
}

TEST_F(Fetch, WhatCouldNotBeKeptIsLeftAloneForAWhile) {
  ASSERT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart));
  fetch_.give_up(kStart + 10s);
  EXPECT_FALSE(fetch_.offered(kState, "a", Index{10}, kStart + 9s));
  EXPECT_TRUE(fetch_.offered(kState, "a", Index{10}, kStart + 10s));
}

// Scenario 29.
bool an_older_state_is_fetched() {
  ArtefactFetch fetch;
  return fetch.offered(kState, "a", kState.index, kStart);
}
TEST_F(Fetch, AStateThatIsNoNewsIsNotFetched) {
  EXPECT_FALSE(an_older_state_is_fetched());
  EXPECT_FALSE(fetch_.offered({Index{90}, 1, 0}, "a", Index{1}, kStart)) << "nothing in it";
  EXPECT_FALSE(fetch_.offered({Index{90}, 1, limits::kArtefactBytesMax + 1}, "a", Index{1}, kStart));
  const MutantGuard guard(Mutant::kFetchOlder);
  EXPECT_TRUE(an_older_state_is_fetched());
}

}  // namespace
}  // namespace patronus::artefact_exchange_test
