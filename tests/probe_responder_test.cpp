// A site's end of the probes, and where endpoints' names lead.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "tests/probe_world.h"

namespace patronus::sdwan::test::probe_responder_test {
namespace {

class ResponderTest : public ::testing::Test {
 protected:
  ResponderTest() {
    world_.attach(kNode,
                  [this](const UdpAddress&, std::string_view datagram) { got_.emplace_back(datagram); });
  }
  std::string probe_of(const std::string& site, const std::string& key, uint8_t nonce) {
    probe::Head head;
    head.site = site;
    head.nonce[0] = static_cast<char>(nonce);
    return probe::make_probe(head, key, hmac_);
  }
  std::string path_probe(const std::string& to, uint8_t nonce) {
    probe::Head head;
    head.site = "a";
    head.nonce[0] = static_cast<char>(nonce);
    return probe::make_path_probe(head, {to, probe_of("b", kKeyB, nonce)}, kKeyA, hmac_);
  }
  void ask(const std::string& datagram) { world_.arrive(1ms, kNode, place(1), datagram); }
  probe::PathAnswer answer() {
    EXPECT_EQ(got_.size(), 1U);
    EXPECT_TRUE(probe::is_authentic(got_.at(0), kKeyA, hmac_));
    const auto read = probe::read_path_answer(got_.at(0));
    EXPECT_TRUE(read);
    got_.clear();
    return *read;
  }

  const UdpAddress kNode = place(100);
  const std::string kKeyA = std::string(32, 'a');
  const std::string kKeyB = std::string(32, 'b');
  ProbeWorld world_;
  auth::HmacSha256 hmac_;
  std::vector<std::string> got_;
  SiteAt a_{world_, "a", place(1), kKeyA};
  SiteAt b_{world_, "b", place(2), kKeyB};
};

TEST_F(ResponderTest, AnswersItsOwnProbesOnceEach) {
  ask(probe_of("a", kKeyA, 1));
  ask(probe_of("a", kKeyA, 1));
  ask(probe_of("a", kKeyB, 2));
  ask(probe_of("b", kKeyA, 3));
  ask("hello");
  world_.run(1s);
  ASSERT_EQ(got_.size(), 1U);
  EXPECT_TRUE(probe::is_authentic(got_[0], kKeyA, hmac_));
  EXPECT_EQ((*a_).counts(), (ResponderCounts{1, 0, 0, 0, 0, 2, 1, 1, 0, 0}));
}

TEST_F(ResponderTest, AnswersNoAnswer) {
  ask(probe::make_answer(*probe::read_head(probe_of("a", kKeyA, 1)), kKeyA, hmac_));
  ask(probe::make_path_answer(*probe::read_head(probe_of("a", kKeyA, 1)), {}, kKeyA, hmac_));
  world_.run(1s);
  EXPECT_TRUE(got_.empty());
  EXPECT_EQ((*a_).counts().stray, 1U);
  EXPECT_EQ((*a_).counts().forged, 1U);
}

TEST_F(ResponderTest, SendsOnWhatIsForAnotherSiteAndSaysHowLongItTook) {
  ask(path_probe(place(2).text(), 7));
  world_.run(1s);
  const probe::PathAnswer said = answer();
  EXPECT_EQ(said.outcome, probe::PathOutcome::kAnswered);
  EXPECT_EQ(said.rtt_us, 2'000U);
  EXPECT_TRUE(probe::is_authentic(said.answer, kKeyB, hmac_));
  EXPECT_EQ((*b_).counts().probes, 1U);
  EXPECT_EQ((*a_).waiting(), 0U);
}

// It can't tell a forged answer of the other site from the right one, so both go back, but not any number.
TEST_F(ResponderTest, HandsOnASecondAnswerButNotMany) {
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string& datagram) {
    if (from != place(2)) return std::vector<Duration>{1ms};
    std::string forged = datagram;
    forged.back() = static_cast<char>(forged.back() ^ 1);
    world_.arrive(1ms, from, to, forged);
    return std::vector<Duration>{5ms, 6ms, 7ms, 8ms};
  };
  ask(path_probe(place(2).text(), 7));
  world_.run(3s);
  ASSERT_EQ(got_.size(), 3U);
  EXPECT_FALSE(probe::is_authentic(probe::read_path_answer(got_[0])->answer, kKeyB, hmac_));
  const auto second = probe::read_path_answer(got_[1]);
  EXPECT_TRUE(probe::is_authentic(second->answer, kKeyB, hmac_));
  EXPECT_EQ(second->rtt_us, 6'000U);
  EXPECT_EQ((*a_).counts().stray, 2U);
  EXPECT_EQ((*a_).counts().timed_out, 0U);
}

TEST_F(ResponderTest, SendsOnNothingThatWasNotMadeWithItsKey) {
  std::string forged = path_probe(place(2).text(), 7);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  ask(forged);
  world_.run(1s);
  EXPECT_TRUE(got_.empty());
  EXPECT_EQ((*b_).counts().probes + (*a_).counts().forwards, 0U);
}

TEST_F(ResponderTest, SaysWhenNoAnswerComes) {
  b_.die();
  ask(path_probe(place(2).text(), 7));
  world_.run(1900ms);
  EXPECT_TRUE(got_.empty());
  world_.run(200ms);
  EXPECT_EQ(answer().outcome, probe::PathOutcome::kTimedOut);
  EXPECT_EQ((*a_).counts().timed_out, 1U);
  EXPECT_EQ((*a_).waiting(), 0U);
}

TEST_F(ResponderTest, HoldsNoMoreThanItsBound) {
  b_.die();
  for (size_t i = 0; i < limits::kForwardsMax + 10; ++i) {
    probe::Head head;
    head.site = "a";
    head.nonce = {static_cast<char>(i), static_cast<char>(i >> 8), 1};
    probe::Head inner = head;
    inner.site = "b";
    ask(probe::make_path_probe(head, {place(2).text(), probe::make_probe(inner, kKeyB, hmac_)}, kKeyA,
                               hmac_));
  }
  world_.run(100ms);
  EXPECT_EQ((*a_).waiting(), limits::kForwardsMax);
  ASSERT_EQ(got_.size(), 10U);
  EXPECT_EQ(probe::read_path_answer(got_[0])->outcome, probe::PathOutcome::kNoRoom);
  world_.run(3s);
  EXPECT_EQ((*a_).waiting(), 0U);
}

TEST_F(ResponderTest, LooksNamesUpAndWaitsForThem) {
  a_.names["b.example"] = "10.0.0.2";
  ask(path_probe("b.example:7700", 7));
  world_.run(1s);
  EXPECT_EQ(answer().outcome, probe::PathOutcome::kAnswered);
  ask(path_probe("nobody.example:7700", 8));
  world_.run(1s);
  EXPECT_EQ(answer().outcome, probe::PathOutcome::kNoAddress);
}

class NamesTest : public ::testing::Test {
 protected:
  Names names_{4, true, false,
               [this](size_t slot, const Address& name) { asked_.emplace_back(slot, name.host); }};
  std::vector<std::pair<size_t, std::string>> asked_;
  Instant now_{1};

  void answer(size_t slot, std::vector<std::string> addresses) {
    names_.answered(slot, {std::move(addresses), ""}, now_);
  }
};

TEST_F(NamesTest, TakeNumbersAsTheyAreAndNoFamilyThatIsNotThere) {
  EXPECT_EQ(names_.find("10.0.0.1:7700", now_).address, place(1));
  EXPECT_TRUE(names_.find("[::1]:7700", now_).failed);
  EXPECT_TRUE(names_.find("nonsense", now_).failed);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(NamesTest, AskFewAtATimeAndRememberWhatTheyHear) {
  for (const char* name : {"a:1", "b:1", "c:1", "a:1"}) EXPECT_FALSE(names_.find(name, now_).address);
  ASSERT_EQ(asked_.size(), limits::kProbeLookUpsMax);
  answer(0, {"[::1]:1", "10.0.0.9:1"});
  EXPECT_EQ(names_.find("a:1", now_).address->text(), "10.0.0.9:1");
  ASSERT_EQ(asked_.size(), 3U) << "the next has its turn";
  now_ = now_ + limits::kProbeNameKept;
  EXPECT_TRUE(names_.find("a:1", now_).address) << "the old one goes on while it is asked again";
  answer(1, {});
  EXPECT_EQ(asked_.back().second, "a");
  EXPECT_TRUE(names_.find("b:1", now_).failed);
  answer(1, {"10.0.0.8:1", "10.0.0.9:1"});
  EXPECT_EQ(names_.find("a:1", now_).address->text(), "10.0.0.9:1") << "it does not jump about";
}

TEST_F(NamesTest, TrustAnOldAnswerForAWhileAndForgetWhatNobodyAsksFor) {
  for (const char* name : {"a:1", "b:1"}) (void)names_.find(name, now_);
  answer(0, {"10.0.0.9:1"});
  answer(1, {"10.0.0.8:1"});
  for (Duration passed{}; passed <= limits::kProbeNameTrusted; passed += 60s) {
    now_ = now_ + 60s;
    (void)names_.find("a:1", now_);
    if (asked_.size() > 2) answer(asked_.back().first, {});
    asked_.resize(2);
  }
  EXPECT_TRUE(names_.find("a:1", now_).failed);
  for (const char* name : {"c:1", "d:1", "e:1"}) (void)names_.find(name, now_);
  EXPECT_LE(names_.size(), 4U);
}

}  // namespace
}  // namespace patronus::sdwan::test::probe_responder_test
