// What outcomes of probes say of a line: windows, scores, judgements.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "core/sdwan/judgement.h"
#include "core/sdwan/score.h"
#include "core/sdwan/window.h"

namespace patronus::sdwan::probe_judgement_test {
namespace {

void feed(ProbeWindow& window, const std::vector<uint32_t>& outcomes) {
  for (const uint32_t outcome : outcomes) outcome == 0 ? window.lost() : window.answered(outcome);
}

TEST(ProbeWindow, SaysNothingOfNothing) {
  const ProbeWindow window;
  EXPECT_EQ(window.size(), 0U);
  EXPECT_EQ(window.smoothed_us(), 0U);
  EXPECT_EQ(window.jitter_us(), 0U);
  EXPECT_EQ(window.loss_ppm(), 0U);
  EXPECT_EQ(window.percentile_us(95), 0U);
}

TEST(ProbeWindow, SmoothsAsRfc6298AndJittersAsRfc3550) {
  ProbeWindow window;
  double smoothed = 0;
  double jitter = 0;
  uint32_t last = 0;
  for (const uint32_t rtt : {20'000U, 22'000U, 19'000U, 60'000U, 20'500U, 20'000U, 21'000U}) {
    window.answered(rtt);
    if (last == 0) {
      smoothed = rtt;
    } else {
      smoothed += (rtt - smoothed) / 8;
      jitter += (std::abs(static_cast<double>(rtt) - last) - jitter) / 16;
    }
    last = rtt;
    EXPECT_NEAR(window.smoothed_us(), smoothed, 2) << "RFC 6298, section 2, with alpha of an eighth";
    EXPECT_NEAR(window.jitter_us(), jitter, 2) << "RFC 3550, section 6.4.1";
  }
}

TEST(ProbeWindow, BeginsAnewAfterAWindowOfSilence) {
  ProbeWindow window;
  feed(window, {90'000, 10'000, 90'000, 10'000});
  for (size_t i = 0; i < limits::kProbeWindow; ++i) window.lost();
  EXPECT_EQ(window.loss_ppm(), 1'000'000U);
  EXPECT_EQ(window.smoothed_us(), 0U);
  window.answered(5'000);
  EXPECT_EQ(window.smoothed_us(), 5'000U);
  EXPECT_EQ(window.jitter_us(), 0U);
}

TEST(ProbeWindow, CountsWhatIsLateOrDoubledWithoutHeedingIt) {
  ProbeWindow window;
  feed(window, {1'000, 0});
  window.late();
  window.duplicate();
  window.duplicate();
  EXPECT_EQ(window.size(), 2U);
  EXPECT_EQ(window.loss_ppm(), 500'000U);
  EXPECT_EQ(window.late_answers(), 1U);
  EXPECT_EQ(window.duplicate_answers(), 2U);
}

RC_GTEST_PROP(ProbeWindow, HoldsTheLastOutcomesAndNoOthers, (const std::vector<uint16_t>& given)) {
  ProbeWindow window;
  std::deque<uint32_t> model;
  for (const uint16_t outcome : given) {
    feed(window, {outcome});
    model.push_back(outcome);
    if (model.size() > limits::kProbeWindow) model.pop_front();
    std::vector<uint32_t> answers;
    std::copy_if(model.begin(), model.end(), std::back_inserter(answers),
                 [](uint32_t us) { return us != 0; });
    std::sort(answers.begin(), answers.end());
    RC_ASSERT(window.size() == model.size());
    RC_ASSERT(window.answers() == answers.size());
    RC_ASSERT(window.loss_ppm() == (model.size() - answers.size()) * 1'000'000 / model.size());
    if (answers.empty()) continue;
    RC_ASSERT(window.percentile_us(100) == answers.back());
    RC_ASSERT(window.percentile_us(1) == answers[(answers.size() + 99) / 100 - 1]);
    RC_ASSERT(window.percentile_us(50) == answers[(answers.size() + 1) / 2 - 1]);
    RC_ASSERT(window.smoothed_us() > 0);
    RC_ASSERT(window.jitter_us() <= 65'535);
  }
}

TEST(LineScore, IsWhatTheFormulaSays) {
  EXPECT_EQ(line_score(0, 0, 0), 100);
  EXPECT_EQ(line_score(20'000, 1'000, 0), 100);
  EXPECT_EQ(line_score(100'000, 5'000, 10'000), 94);
  EXPECT_EQ(line_score(1'000'000, 0, 0), 50);
  EXPECT_EQ(line_score(50'000, 0, 100'000), 70);
  EXPECT_EQ(line_score(1, 0, 1'000'000), 0);
  EXPECT_EQ(line_score(UINT32_MAX, UINT32_MAX, UINT32_MAX), 0);
}

RC_GTEST_PROP(LineScore, NeverRisesWithAnyOfThem, ()) {
  const auto latency = *rc::gen::inRange<uint32_t>(0, 3'000'000);
  const auto jitter = *rc::gen::inRange<uint32_t>(0, 500'000);
  const auto loss = *rc::gen::inRange<uint32_t>(0, 1'000'001);
  const auto more = *rc::gen::inRange<uint32_t>(0, 1'000'000);
  const uint8_t score = line_score(latency, jitter, loss);
  RC_ASSERT(score <= 100);
  RC_ASSERT(line_score(latency + more, jitter, loss) <= score);
  RC_ASSERT(line_score(latency, jitter + more, loss) <= score);
  RC_ASSERT(line_score(latency, jitter, loss + more) <= score);
}

Reachability judged(std::optional<bool> held, const std::vector<bool>& outcomes) {
  Reachability judgement;
  for (const bool answered : outcomes) {
    judgement.follow(held);
    judgement.note(answered);
  }
  return judgement;
}

TEST(Reachability, HoldsWhatIsHeldUntilItHasSeenEnoughItself) {
  for (const std::optional<bool> held : {std::optional<bool>(), std::optional(true), std::optional(false)}) {
    const Reachability judgement = judged(held, std::vector<bool>(limits::kProbesJudged - 1, held != true));
    EXPECT_FALSE(judgement.is_ready());
    EXPECT_EQ(judgement.state().has_value(), held.has_value() && judgement.state() == held);
  }
}

TEST(Reachability, FallsAfterManyMissesAndRisesAfterMoreAnswers) {
  EXPECT_EQ(judged(true, {1, 1, 0, 0, 0, 0, 0, 0}).state(), true) << "six of eight";
  EXPECT_EQ(judged(true, {0, 1, 0, 0, 0, 0, 0, 0}).state(), false) << "seven of eight";
  EXPECT_EQ(judged(false, {1, 1, 1, 1, 1, 1, 1, 0}).state(), false) << "seven of eight";
  EXPECT_EQ(judged(false, {1, 1, 1, 1, 1, 1, 1, 1}).state(), true);
  EXPECT_EQ(judged(std::nullopt, {1, 0, 1, 0, 1, 0, 1, 0}).state(), true);
  EXPECT_EQ(judged(std::nullopt, {1, 0, 1, 0, 1, 0, 0, 0}).state(), false);
}

TEST(Reachability, ForgetsToHoldOnToWhatIsHeld) {
  Reachability judgement = judged(true, std::vector<bool>(20, false));
  EXPECT_EQ(judgement.state(), false);
  judgement.forget();
  EXPECT_FALSE(judgement.is_ready());
  EXPECT_EQ(judgement.state(), true);
}

// A line that never loses more than three in a row stays what it was, however long.
RC_GTEST_PROP(Reachability, DoesNotComeAndGoWithALineThatLosesNowAndThen, ()) {
  const auto outcomes = *rc::gen::container<std::vector<bool>>(300, rc::gen::arbitrary<bool>());
  Reachability judgement;
  bool held = true;
  size_t misses = 0;
  for (const bool wanted : outcomes) {
    const bool answered = wanted || misses == 3;
    misses = answered ? 0 : misses + 1;
    judgement.follow(held);
    judgement.note(answered);
    held = *judgement.state();
    RC_ASSERT(held);
  }
}

PathFigures with_score(uint8_t score) { return {10'000, 0, 0, score}; }

class PathJudgementTest : public ::testing::Test {
 protected:
  void see(size_t times, bool answered, const PathFigures& figures) {
    for (size_t i = 0; i < times; ++i) {
      judgement_.follow(held_);
      judgement_.note(answered, figures, bounds_);
    }
  }
  PathJudgement judgement_;
  std::optional<PathStatus> held_;
  PathBounds bounds_;
};

TEST_F(PathJudgementTest, IsDegradedByAScoreThatStaysLowAndUpAgainByOneThatStaysHigh) {
  see(8, true, with_score(90));
  EXPECT_EQ(judgement_.status(), PathStatus::kUp);
  held_ = PathStatus::kUp;
  see(limits::kDegradedAfter - 1, true, with_score(10));
  see(1, true, with_score(90));
  EXPECT_EQ(judgement_.status(), PathStatus::kUp);
  see(limits::kDegradedAfter, true, with_score(10));
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded);
  see(20, true, with_score(90));
  see(limits::kDegradedAfter, true, with_score(10));
  held_ = PathStatus::kDegraded;
  see(limits::kRestoredAfter + 1, true, with_score(limits::kScoreDegraded + 5));
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded) << "above the one bound, below the other";
  see(limits::kRestoredAfter - 1, true, with_score(limits::kScoreRestored));
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded);
  see(1, true, with_score(limits::kScoreRestored));
  EXPECT_EQ(judgement_.status(), PathStatus::kUp);
}

TEST_F(PathJudgementTest, KnowsThePoliciesBounds) {
  PolicyFields policy;
  policy.max_latency_us = 50'000;
  policy.max_loss_ppm = 0;
  bounds_.tighten(policy);
  policy.max_latency_us = 20'000;
  policy.max_loss_ppm.reset();
  bounds_.tighten(policy);
  EXPECT_EQ(bounds_, (PathBounds{20'000, std::nullopt, 0}));
  held_ = PathStatus::kUp;
  see(8, true, {20'000, 0, 0, 99});
  EXPECT_EQ(judgement_.status(), PathStatus::kUp);
  see(3, true, {20'001, 0, 0, 99});
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded);
  held_ = PathStatus::kDegraded;
  see(20, true, {19'000, 0, 0, 99});
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded) << "not a tenth below";
  see(8, true, {18'000, 0, 0, 99});
  EXPECT_EQ(judgement_.status(), PathStatus::kUp);
  held_ = PathStatus::kUp;
  see(3, true, {18'000, 0, 1, 99});
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded);
}

TEST_F(PathJudgementTest, IsDownWhenNothingComesThrough) {
  held_ = PathStatus::kDegraded;
  see(8, false, {0, 0, 1'000'000, 0});
  EXPECT_EQ(judgement_.status(), PathStatus::kDown);
  held_ = PathStatus::kDown;
  see(limits::kProbesJudged, true, with_score(40));
  EXPECT_EQ(judgement_.status(), PathStatus::kDegraded) << "and is judged by what it was";
}

}  // namespace
}  // namespace patronus::sdwan::probe_judgement_test
