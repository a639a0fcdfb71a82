// The tape of a simulated run: what a seed gives, what is kept, and what an edit of one track leaves alone.
#include "sim/tape.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "sim/any_node.h"

namespace patronus::sim::tape_test {
namespace {

using namespace std::chrono_literals;

std::vector<uint32_t> draw(Track& track, size_t count) {
  std::vector<uint32_t> drawn;
  for (size_t i = 0; i < count; ++i) drawn.push_back(track.choose(1000));
  return drawn;
}

TEST(Tape, ASeedGivesTheSameTracksInWhateverOrderTheyAreAsked) {
  Tape one = Tape::from_seed(7);
  Tape other = Tape::from_seed(7);
  const auto a = draw(one.track("a"), 20);
  const auto b = draw(one.track("b"), 20);
  EXPECT_EQ(draw(other.track("b"), 20), b);
  EXPECT_EQ(draw(other.track("a"), 20), a);
  EXPECT_NE(a, b);
  Tape another = Tape::from_seed(8);
  EXPECT_NE(draw(another.track("a"), 20), a);
  EXPECT_EQ(one.decisions(), other.decisions());
}

TEST(Tape, WhatWasDecidedIsDecidedAgain) {
  Tape first = Tape::from_seed(3);
  const auto a = draw(first.track("a"), 20);
  const auto b = draw(first.track("b"), 20);
  Decisions decisions = first.decisions();
  decisions["a"][4] = 0;
  Tape again = Tape::from_decisions(decisions);
  EXPECT_EQ(draw(again.track("b"), 20), b) << "the other track is as it was";
  auto edited = a;
  edited[4] = 0;
  EXPECT_EQ(draw(again.track("a"), 20), edited);
}

// Or somebody would wait for ever for a node that was removed (found by libFuzzer).
TEST(Tape, WhoeverTurnsToSomeNodeComesToEachOfThem) {
  Tape none = Tape::from_decisions({});
  AnyNode next(none.track("a"), 3);
  for (const HostId expected : {0U, 1U, 2U, 0U, 1U}) EXPECT_EQ(next(), expected);
  Tape random = Tape::from_seed(1);
  AnyNode any(random.track("a"), 3);
  std::set<HostId> met;
  for (int i = 0; i < 100; ++i) met.insert(any());
  EXPECT_EQ(met, (std::set<HostId>{0, 1, 2}));
}

// A tape may be of a seed but for some tracks; and one that must be given is nothing where it is not.
TEST(Tape, WhatIsGivenGoesBeforeTheSeed) {
  Tape seed = Tape::from_seed(7);
  Tape mixed = Tape::from_seed(7, {{"b", {9, 8}}, {"c", {1}}});
  EXPECT_EQ(draw(mixed.track("a"), 5), draw(seed.track("a"), 5));
  EXPECT_EQ(draw(mixed.track("b"), 3), (std::vector<uint32_t>{9, 8, 0}));
  EXPECT_EQ(mixed.given("c").choose(2), 1U);
  EXPECT_EQ(seed.given("c").choose(2), 0U);
  Tape again = Tape::from_decisions(mixed.decisions());
  EXPECT_EQ(again.given("c").choose(2), 1U) << "it is kept with the others";
}

// So a tape that is a seed but for a few tracks is a few lines.
TEST(Tape, MaySayASeedForTheTracksThatItDoesNotHave) {
  Tape seed = Tape::from_seed(7);
  Tape short_one = Tape::from_decisions({{"seed", {7}}, {"b", {9}}});
  EXPECT_EQ(draw(short_one.track("a"), 5), draw(seed.track("a"), 5));
  EXPECT_EQ(draw(short_one.track("b"), 2), (std::vector<uint32_t>{9, 0}));
  const Decisions all = short_one.decisions();
  EXPECT_FALSE(all.contains("seed")) << "what was decided is a tape without one";
  EXPECT_EQ(all.at("a").size(), 5U);
}

// What is offered beyond what is asked for has no part in the run.
TEST(Tape, WhatWasNotAskedForIsLetGo) {
  Tape tape = Tape::from_decisions({{"a", {1, 2, 3}}, {"b", {4}}});
  (void)tape.track("a").choose(10);
  (void)tape.track("a").choose(10);
  EXPECT_EQ(tape.decisions(), (Decisions{{"a", {1, 2}}}));
}

// Which is nowhere more eventful than anything else.
TEST(Tape, PastItsEndItIsZero) {
  Tape tape = Tape::from_decisions({{"a", {5}}});
  Track& track = tape.track("a");
  EXPECT_EQ(track.choose(10), 5U);
  EXPECT_EQ(track.choose(10), 0U);
  EXPECT_FALSE(track.chance(999));
  EXPECT_EQ(track.between(2ms, 9ms), 2ms);
  EXPECT_EQ(track.pause(2ms, 9ms), 9ms);
  EXPECT_EQ(tape.track("never heard of").word(), 0U);
  EXPECT_EQ(tape.asked(), (std::map<std::string, size_t>{{"a", 5}, {"never heard of", 2}}));
}

TEST(Tape, ADecisionThatIsTooLargeCountsByItsRemainder) {
  Tape tape = Tape::from_decisions({{"a", {7, 5}}});
  EXPECT_EQ(tape.track("a").choose(5), 2U);
  EXPECT_EQ(tape.track("a").choose(6), 5U);
}

TEST(Tape, IsKeptWithoutItsZeros) {
  const std::string path = ::testing::TempDir() + "patronus-tape";
  const Decisions decisions{{"one", {0, 3, 0, 0, 7}}, {"two", {0, 0}}};
  EXPECT_EQ(count(decisions), 2U);
  ASSERT_TRUE(save_tape(path, decisions));
  const std::optional<Decisions> loaded = load_tape(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, (Decisions{{"one", {0, 3, 0, 0, 7}}}));
  std::remove(path.c_str());
}

TEST(Tape, IsTheSameAsText) {
  const Decisions decisions{{"one", {0, 3, 0, 0, 7}}, {"two", {1}}};
  EXPECT_EQ(encode_tape(decisions), "patronus-tape 2\none 1 3\none 4 7\ntwo 0 1\n");
  EXPECT_EQ(decode_tape(encode_tape(decisions)), decisions);
  EXPECT_FALSE(decode_tape("one 1 3\n"));
}

TEST(Tape, WhatIsNoTapeIsRefused) {
  const std::string path = ::testing::TempDir() + "patronus-no-tape";
  for (const char* content : {"", "1\n2\n", "patronus-tape 2\none x 3\n", "patronus-tape 2\none 1\n",
                              "patronus-tape 2\none 999999999999 3\n"}) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs(content, file);
    std::fclose(file);
    EXPECT_FALSE(load_tape(path)) << content;
  }
  EXPECT_FALSE(load_tape(path + "-that-is-not-there"));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace patronus::sim::tape_test
