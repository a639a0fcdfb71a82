// Rare turns of the code that a world makes common: those that its profile names, as its tape says, and
// nowhere else.
#include "sim/rare_turns.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace patronus::sim::rare_turns_test {
namespace {

#ifdef PATRONUS_MUTANTS

Profile profile_with(RareTurn turn, uint32_t gap) {
  Profile profile;
  profile.rare_turns[static_cast<size_t>(turn)] = gap;
  return profile;
}

std::vector<int> when_log_is_full(int asked) {
  std::vector<int> when;
  for (int i = 1; i <= asked; ++i) {
    if (BUGGIFY(kLogFull)) when.push_back(i);
  }
  return when;
}

TEST(RareTurns, NoneComesWithoutAWorld) { EXPECT_TRUE(when_log_is_full(10'000).empty()); }

TEST(RareTurns, OneThatIsOffIsExactlyOff) {
  Tape tape = Tape::from_seed(1);
  const RareTurns turns(profile_with(RareTurn::kWritesFull, 2), tape);
  EXPECT_TRUE(when_log_is_full(10'000).empty());
  EXPECT_FALSE(tape.decisions().contains("rare-log-full")) << "and takes no decision";
}

TEST(RareTurns, TheTapeSaysWhenOneComes) {
  Tape tape = Tape::from_decisions({{"rare-log-full", {3, 1, 0, 5}}});
  const RareTurns turns(profile_with(RareTurn::kLogFull, 4), tape);
  EXPECT_EQ(when_log_is_full(1'000), (std::vector<int>{3, 4, 4 + 8 * 4 + 5}))
      << "0 is a rest, and past its end the tape says nothing";
}

TEST(RareTurns, EachComesAboutAsOftenAsTheProfileSays) {
  Tape tape = Tape::from_seed(5);
  const RareTurns turns(profile_with(RareTurn::kLogFull, 16), tape);
  const size_t times = when_log_is_full(16'000).size();
  EXPECT_GT(times, 500U);
  EXPECT_LT(times, 1'500U);
  std::map<std::string, uint64_t> faults;
  turns.report(faults);
  EXPECT_EQ(faults["rare log-full"], times);
}

TEST(RareTurns, NoneComesOnceTheyAreStopped) {
  Tape tape = Tape::from_seed(5);
  RareTurns turns(profile_with(RareTurn::kLogFull, 2), tape);
  EXPECT_FALSE(when_log_is_full(100).empty());
  turns.stop();
  EXPECT_TRUE(when_log_is_full(100).empty());
}

TEST(RareTurns, TheyAreOfTheWorldThatWasMadeLast) {
  Tape outer = Tape::from_seed(1);
  Tape inner = Tape::from_seed(2);
  const RareTurns one(profile_with(RareTurn::kLogFull, 2), outer);
  std::optional<RareTurns> other;
  other.emplace(Profile{}, inner);
  EXPECT_TRUE(when_log_is_full(100).empty());
  other.reset();
  EXPECT_FALSE(when_log_is_full(100).empty());
}

#endif

}  // namespace
}  // namespace patronus::sim::rare_turns_test
