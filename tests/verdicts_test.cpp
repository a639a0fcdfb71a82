// What a leader proposes of what its probes have found.
#include "core/sdwan/verdicts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"

namespace patronus::sdwan::verdicts_test {
namespace {

using namespace std::chrono_literals;

class VerdictsTest : public ::testing::Test {
 protected:
  VerdictsTest() {
    apply(OpenTablesOp{kTablesSchema});
    add_site("a", 2);
    add_site("b", 1);
    PolicyFields policy{"p", true, "a", "b", PathPreference::kScore, {}, {}, {}};
    apply(PutPolicyOp{"p", true, policy, {}});
    for (const auto& [key, state] : tables_.paths()) paths_.push_back(key);
  }
  void add_site(const std::string& id, size_t endpoints) {
    SiteFields fields{"site " + id, {}, 1};
    for (size_t i = 0; i < endpoints; ++i) {
      fields.endpoints.push_back({"10.0.0." + std::to_string(i) + ":7700", "fiber", 0});
      places_.push_back({id, fields.endpoints.back().address});
    }
    apply(PutSiteOp{id, true, fields, {}});
  }
  void apply(TableOp op) {
    ASSERT_EQ(tables_.apply(op, Index{++index_}, Stamp{1'000, 1'000}).outcome, Outcome::kOk);
  }
  EndpointFinding endpoint(size_t at, bool reachable, int64_t seen = 1'000) {
    return {&places_[at], reachable, seen};
  }
  PathFinding path(size_t at, PathStatus status, uint8_t score, bool settled = true) {
    return {&paths_[at], status, {5'000, 100, 0, score}, settled};
  }
  std::optional<VerdictsOp> take(std::vector<EndpointFinding> endpoints,
                                 std::vector<PathFinding> paths = {}) {
    return keeper_.take(tables_, endpoints, paths, now_);
  }
  void pass(Duration time) { now_ = now_ + time; }

  Tables tables_;
  uint64_t index_ = 0;
  std::vector<EndpointKey> places_;
  std::vector<PathKey> paths_;
  VerdictKeeper keeper_;
  Instant now_{1'000'000'000};
};

TEST_F(VerdictsTest, TellsWhatIsNewOnceAndNotAgainWhileItIsUnderWay) {
  const auto first = take({endpoint(0, true), endpoint(1, false, 0)}, {path(0, PathStatus::kUp, 90, false)});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->endpoints.size(), 2U);
  EXPECT_EQ(first->endpoints[0], (EndpointVerdict{"a", "10.0.0.0:7700", true, 1'000}));
  EXPECT_EQ(first->endpoints[1], (EndpointVerdict{"a", "10.0.0.1:7700", false, 0}));
  ASSERT_EQ(first->paths.size(), 1U);
  pass(2s);
  EXPECT_FALSE(keeper_.may_propose(tables_, now_)) << "it is under way";
  EXPECT_FALSE(take({endpoint(2, true)}));
  pass(limits::kVerdictRetry);
  EXPECT_EQ(take({endpoint(0, true), endpoint(1, false, 0)}, {path(0, PathStatus::kUp, 90, false)}), first)
      << "it was lost";
  apply(*first);
  pass(500ms);
  EXPECT_FALSE(take({endpoint(2, true)})) << "one a second at most";
  pass(500ms);
  EXPECT_FALSE(take({endpoint(0, true), endpoint(1, false, 0)}, {path(0, PathStatus::kUp, 90)}))
      << "all is known";
  const auto second = take({endpoint(0, true), endpoint(2, true)});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->endpoints.size(), 1U);
}

TEST_F(VerdictsTest, TellsWhenAnEndpointWasSeenOnlyNowAndThen) {
  apply(*take({endpoint(0, true, 100'000)}));
  pass(2s);
  EXPECT_FALSE(take({endpoint(0, true, 159'999)}));
  const auto later = take({endpoint(0, true, 160'000)});
  ASSERT_TRUE(later);
  EXPECT_EQ(later->endpoints[0].seen_wall_ms, 160'000);
  apply(*later);
  pass(2s);
  EXPECT_FALSE(take({endpoint(0, false, 150'000)})->endpoints.empty());
  EXPECT_EQ(tables_.endpoint("a", "10.0.0.0:7700")->seen_wall_ms, 160'000);
}

TEST_F(VerdictsTest, TellsOfAScoreOnlyWhenItDiffersMuchAndForLong) {
  apply(*take({}, {path(0, PathStatus::kUp, 90)}));
  pass(2s);
  for (int i = 0; i < 20; ++i, pass(1s)) EXPECT_FALSE(take({}, {path(0, PathStatus::kUp, 81)}));
  for (int i = 0; i < 4; ++i, pass(1s)) EXPECT_FALSE(take({}, {path(0, PathStatus::kUp, 80)}));
  EXPECT_FALSE(take({}, {path(0, PathStatus::kUp, 85)})) << "back again";
  for (int i = 0; i < 5; ++i, pass(1s)) EXPECT_FALSE(take({}, {path(0, PathStatus::kUp, 70)}));
  EXPECT_TRUE(take({}, {path(0, PathStatus::kUp, 70)}));
}

TEST_F(VerdictsTest, ChangesNoVerdictBeforeItHasAFullWindow) {
  apply(*take({}, {path(0, PathStatus::kUp, 90, false)}));
  pass(2s);
  EXPECT_FALSE(take({}, {path(0, PathStatus::kDown, 0, false)}));
  EXPECT_TRUE(take({}, {path(0, PathStatus::kDown, 0, true)}));
}

TEST_F(VerdictsTest, SaysNothingOfWhatIsGone) {
  const EndpointKey gone{"a", "10.0.0.9:7700"};
  const PathKey no_path{"a", "10.0.0.9:7700", "b", "10.0.0.0:7700"};
  EXPECT_FALSE(take({{&gone, true, 1}}, {{&no_path, PathStatus::kUp, {}, true}}));
  // What was proposed for something that went meanwhile is not waited for.
  ASSERT_TRUE(take({endpoint(1, true)}));
  apply(PutSiteOp{"a", false, {"site a", {{"10.0.0.0:7700", "fiber", 0}}, 1}, {}});
  pass(1s);
  EXPECT_TRUE(keeper_.may_propose(tables_, now_));
}

TEST_F(VerdictsTest, PutsNoMoreIntoAnEntryThanFits) {
  std::vector<EndpointFinding> found;
  places_.reserve(places_.size() + 400 * limits::kSiteEndpointsMax);
  for (int i = 0; i < 300; ++i) add_site("s" + std::to_string(i), limits::kSiteEndpointsMax);
  for (size_t i = 0; i < places_.size(); ++i) found.push_back(endpoint(i, true));
  size_t told = 0;
  size_t entries = 0;
  while (const auto op = take(found)) {
    EXPECT_LE(op->endpoints.size(), limits::kVerdictsPerEntryMax);
    told += op->endpoints.size();
    ++entries;
    apply(*op);
    pass(limits::kVerdictInterval);
  }
  EXPECT_EQ(told, found.size());
  EXPECT_EQ(entries, 3U);
}

}  // namespace
}  // namespace patronus::sdwan::verdicts_test
