// The addresses behind one name: when they are asked for, which are kept, and what an operator hears of it.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/peer_name.h"

namespace patronus::peer_name_test {
namespace {

using namespace std::chrono_literals;

std::string place(size_t n) { return "10.0.0." + std::to_string(n) + ":7443"; }

class Name {
 public:
  explicit Name(bool missing = true) { name.set_missing(missing); }

  // Lets time pass until it is asked, and answers.
  Instant answer(NameAnswer answer) {
    now = std::max(now, name.deadline());
    EXPECT_TRUE(name.ask(now));
    EXPECT_FALSE(name.ask(now + 1h)) << "one question at a time";
    name.answered(std::move(answer), now);
    for (const Notice& notice : name.take_notices(now)) lines.push_back(notice.text);
    return now;
  }
  Instant finds(std::vector<std::string> addresses) { return answer({std::move(addresses), ""}); }
  Instant fails(const std::string& why) { return answer({{}, why}); }
  std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const auto& [address, last] : name.addresses()) all.push_back(address);
    return all;
  }

  PeerName name{{"nodes.test", 7443}};
  Instant now{1'000'000'000};
  std::vector<std::string> lines;
};

TEST(PeerName, IsAskedAtOnceAndAgainWhileSomebodyIsMissing) {
  Name one;
  const Instant first = one.finds({place(1)});
  EXPECT_EQ(first, Instant{1'000'000'000});
  EXPECT_EQ(one.finds({place(1)}) - first, limits::kNameInterval);
  Instant last = one.now;
  for (int i = 0; i < 10; ++i) last = one.finds({place(1)});
  EXPECT_EQ(one.finds({place(1)}) - last, limits::kNameIntervalMax) << "nothing changes";
  last = one.now;
  EXPECT_EQ(one.finds({place(2)}) - last, limits::kNameIntervalMax);
  last = one.now;
  EXPECT_EQ(one.finds({place(2)}) - last, limits::kNameInterval) << "something has";
}

TEST(PeerName, IsAskedSeldomWhileNobodyIsMissingAndSoonWhenSomebodyIs) {
  Name one(false);
  Instant last = one.finds({place(1)});
  EXPECT_EQ(one.finds({place(1)}) - last, limits::kNameIntervalIdle);
  last = one.now;
  one.name.set_missing(true);
  EXPECT_EQ(one.finds({place(1)}) - last, limits::kNameInterval) << "but no sooner than this";
  one.name.set_missing(false);
  one.name.hurry();
  last = one.now;
  EXPECT_EQ(one.finds({place(1)}) - last, limits::kNameInterval);
}

TEST(PeerName, AFaultIsOneLineAndTakesNothingAway) {
  Name one;
  EXPECT_EQ(one.name.fault(), "nodes.test is being looked up");
  one.finds({place(1), place(2), place(1)});
  EXPECT_EQ(one.lines, std::vector<std::string>{"nodes.test leads to 10.0.0.1:7443, 10.0.0.2:7443"});
  EXPECT_EQ(one.name.fault(), "");
  one.lines.clear();
  for (int i = 0; i < 100; ++i) one.fails("unknown node or service");
  EXPECT_EQ(one.lines,
            std::vector<std::string>{"nodes.test does not lead to any node: unknown node or service"});
  EXPECT_EQ(one.name.fault(), one.lines[0]);
  EXPECT_EQ(one.addresses().size(), 2U);
  const Instant last = one.now;
  EXPECT_EQ(one.fails("unknown node or service") - last, limits::kNameIntervalMax);
  one.finds({place(1), place(2)});
  EXPECT_EQ(one.lines.size(), 2U) << "that it is over is a line too";
  EXPECT_EQ(one.name.fault(), "");
}

TEST(PeerName, AFaultThatComesAndGoesIsNoFlood) {
  Name one;
  const Instant began = one.now;
  size_t faults = 0;
  while (one.now - began < 10min) {
    one.fails(faults++ % 2 == 0 ? "temporary failure" : "unknown node or service");
    one.finds({place(1)});
  }
  EXPECT_GT(faults, 50U);
  EXPECT_LE(one.lines.size(), 22U) << "at most one each minute, and that it is over";
  EXPECT_GE(one.lines.size(), 18U);
}

TEST(PeerName, ANameWithoutAddressesIsAFault) {
  Name one;
  one.finds({});
  EXPECT_EQ(one.name.fault(), "nodes.test does not lead to any node: it has no address");
}

TEST(PeerName, AnAnswerThatDoesNotComeIsSaidOnce) {
  Name one;
  ASSERT_TRUE(one.name.ask(one.now));
  EXPECT_EQ(one.name.deadline(), one.now + limits::kNamePatience);
  EXPECT_TRUE(one.name.take_notices(one.now).empty());
  one.now = one.name.deadline();
  EXPECT_EQ(one.name.take_notices(one.now).size(), 1U);
  EXPECT_EQ(one.name.fault(), "nodes.test is looked up, and no answer comes");
  EXPECT_EQ(one.name.deadline(), Instant::never()) << "nothing to wake up for";
  EXPECT_TRUE(one.name.take_notices(one.now + 1h).empty());
  one.name.answered({{place(1)}, ""}, one.now + 1h);
  EXPECT_EQ(one.name.fault(), "");
}

// Consul answers with three of them, each time others.
TEST(PeerName, AnAddressThatIsAnsweredNowAndThenStays) {
  Name one;
  for (size_t i = 0; i < 50; ++i) one.finds({place(1 + i % 5), place(1 + (i + 1) % 5)});
  EXPECT_EQ(one.addresses().size(), 5U);
  EXPECT_LE(one.lines.size(), 6U);
}

TEST(PeerName, AnAddressThatIsGoneIsForgotten) {
  Name one;
  one.finds({place(1), place(2)});
  const Instant last = one.now;
  while (one.now - last < limits::kNameAddressKept) {
    EXPECT_TRUE(one.name.has(place(1)));
    one.finds({place(2), place(3)});
  }
  EXPECT_EQ(one.addresses(), (std::vector<std::string>{place(2), place(3)}));
}

TEST(PeerName, HasABoundAndSaysSoOnce) {
  Name one;
  std::vector<std::string> many;
  for (size_t i = 100; i < 200; ++i) many.push_back(place(i));
  for (int i = 0; i < 50; ++i) one.finds(many);
  EXPECT_EQ(one.addresses().size(), limits::kNameAddressesMax);
  EXPECT_NE(one.name.fault().find("has 100 addresses, of which 16 are dialled"), std::string::npos)
      << one.name.fault();
  EXPECT_EQ(one.lines.size(), 2U) << "which they are, and that they are too many";
  EXPECT_EQ(one.addresses().front(), place(100)) << "every node takes the same";
}

// What was answered last is never pushed out by what was before.
RC_GTEST_PROP(PeerNameProperty, TheLatestAnswerIsDialled, ()) {
  Name one;
  for (size_t round = *rc::gen::inRange<size_t>(1, 8); round > 0; --round) {
    std::vector<std::string> answer;
    for (const size_t n : *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(1, 40)))
      answer.push_back(place(n));
    std::sort(answer.begin(), answer.end());
    answer.erase(std::unique(answer.begin(), answer.end()), answer.end());
    one.finds(answer);
    if (answer.size() > limits::kNameAddressesMax) answer.resize(limits::kNameAddressesMax);
    RC_ASSERT(one.addresses().size() <= limits::kNameAddressesMax);
    for (const std::string& address : answer) RC_ASSERT(one.name.has(address));
    RC_ASSERT(one.name.deadline() - one.now <= limits::kNameIntervalIdle);
  }
}

}  // namespace
}  // namespace patronus::peer_name_test
