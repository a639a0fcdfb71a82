// The SD-WAN engine against responders, in a world whose lines do as they are told.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "tests/probe_world.h"

namespace patronus::sdwan::test::probe_engine_test {
namespace {

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    apply(OpenTablesOp{kTablesSchema});
    for (uint8_t i = 1; i <= 4; ++i) add_site("s" + std::to_string(i), {place(i).text()}, i);
    node_ = add_node(100);
    node_->leads = true;
  }
  void add_site(const std::string& id, const std::vector<std::string>& addresses, uint8_t responder_at) {
    SiteFields fields{"site " + id, {}, 1};
    for (const std::string& address : addresses) fields.endpoints.push_back({address, "fiber", 0});
    apply(PutSiteOp{id, true, fields, {}});
    sites_.push_back(std::make_unique<SiteAt>(world_, id, place(responder_at), probe_key(id, 1, crypto_)));
  }
  void add_policy(bool enabled = true) {
    apply(PutPolicyOp{"p", true, {"p", enabled, "s1", "s2", PathPreference::kScore, {}, {}, {}}, {}});
  }
  void apply(TableOp op) {
    ASSERT_EQ(tables_.apply(op, Index{++index_}, Stamp{1, world_.now().wall.unix_ms}).outcome, Outcome::kOk);
  }
  std::unique_ptr<NodeAt> add_node(uint8_t at, Duration interval = kInterval) {
    return std::make_unique<NodeAt>(world_, tables_, place(at), interval, at);
  }
  EndpointKey endpoint(uint8_t at) const { return {"s" + std::to_string(at), place(at).text()}; }
  PathKey path() const { return {"s1", place(1).text(), "s2", place(2).text()}; }
  std::optional<bool> held(uint8_t at) const {
    const EndpointState* state = tables_.endpoint(endpoint(at).first, endpoint(at).second);
    return state == nullptr ? std::nullopt : std::optional(state->reachable);
  }
  std::optional<PathStatus> path_held() const {
    const auto& state = tables_.paths().at(path());
    return state ? std::optional(state->verdict.status) : std::nullopt;
  }
  const Figures& figures() { return (**node_).figures(); }
  NodeAt& node() { return *node_; }

  static constexpr Duration kInterval = 1s;

  ProbeWorld world_;
  Tables tables_;
  uint64_t index_ = 0;
  sim::SimCrypto crypto_{"the cluster's secret", 5};
  std::vector<std::unique_ptr<SiteAt>> sites_;
  std::unique_ptr<NodeAt> node_;
};

bool is_from_node(const UdpAddress& from) { return from.ip[3] >= 100; }

TEST_F(EngineTest, ProbesEachOnceAnIntervalSpreadOverIt) {
  std::vector<Instant> sent;
  world_.line = [&](const UdpAddress& from, const UdpAddress&, std::string&) {
    if (is_from_node(from)) sent.push_back(world_.mono);
    return std::vector<Duration>{1ms};
  };
  world_.run(20'100ms);
  EXPECT_NEAR(static_cast<double>(sent.size()), 80, 4);
  for (size_t i = 5; i < sent.size(); ++i) {
    EXPECT_GE(sent[i] - sent[i - 1], 239ms);
    EXPECT_LE(sent[i] - sent[i - 1], 261ms);
  }
  EXPECT_NEAR(static_cast<double>(node().turns), 20, 1);
  EXPECT_EQ(figures().endpoints_reachable, 4U);
}

TEST_F(EngineTest, MeasuresWhatTheLineIsSetTo) {
  Random random(3);
  world_.line = [&](const UdpAddress&, const UdpAddress&, std::string&) {
    if (random.below(100) < 10) return std::vector<Duration>{};
    return std::vector<Duration>{20ms + random.duration_below(8ms)};
  };
  world_.run(300s);
  double latency = 0;
  double loss = 0;
  const auto samples = (*node()).since(endpoint(1), WallTime{0});
  for (const Sample& sample : samples) {
    latency += sample.latency_us;
    loss += sample.loss_ppm;
  }
  const auto count = static_cast<double>(samples.size());
  EXPECT_GT(samples.size(), 250U);
  EXPECT_NEAR(latency / count, 48'000, 1'000) << "two ways of 24 ms in the mean";
  EXPECT_NEAR(loss / count, 190'000, 60'000) << "a tenth each way";
  EXPECT_EQ(held(1), true);
}

TEST_F(EngineTest, TakesEachAnswerOnceAndNoForgedOnes) {
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string& datagram) {
    if (is_from_node(from)) return std::vector<Duration>{1ms};
    std::string forged = datagram;
    forged.back() = static_cast<char>(forged.back() ^ 1);
    world_.arrive(1ms, from, to, forged);
    return std::vector<Duration>{2ms, 3ms, 2500ms};  // twice again, once when it would be late
  };
  world_.run(30s);
  const Figures now = figures();
  EXPECT_GT(now.answers, 100U);
  EXPECT_NEAR(static_cast<double>(now.forged), static_cast<double>(now.answers), 2);
  EXPECT_NEAR(static_cast<double>(now.replayed), 2.0 * static_cast<double>(now.answers), 25);
  EXPECT_EQ(now.lost, 0U);
  EXPECT_EQ(now.late, 0U);
  const auto sample = (*node()).latest(endpoint(1));
  ASSERT_TRUE(sample);
  EXPECT_NEAR(sample->latency_us, 3'000, 50);
  EXPECT_EQ(sample->loss_ppm, 0U);
}

TEST_F(EngineTest, TakesNoProbeThatComesBackForAnAnswer) {
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string& datagram) {
    if (!is_from_node(from)) return std::vector<Duration>{1ms};
    world_.arrive(1ms, to, from, datagram);
    std::string turned = datagram;
    turned[5] = static_cast<char>(probe::Kind::kAnswer);
    world_.arrive(1ms, to, from, turned);
    world_.arrive(1ms, to, from, datagram.substr(0, 40));
    return std::vector<Duration>{};
  };
  world_.run(3s);
  const Figures before = figures();  // the first probes went before the line was set
  world_.run(20s);
  EXPECT_EQ(figures().answers, before.answers);
  EXPECT_GE(figures().sent - before.sent, 79U);
  EXPECT_NEAR(static_cast<double>(figures().forged - before.forged),
              2.0 * static_cast<double>(figures().sent - before.sent), 2);
  EXPECT_NEAR(static_cast<double>(figures().malformed - before.malformed),
              static_cast<double>(figures().sent - before.sent), 1);
  EXPECT_EQ(figures().endpoints_reachable, 0U);
}

// Sequences begin anew with each process; nonces never come again.
TEST_F(EngineTest, TakesNoAnswerThatAnEarlierProcessGot) {
  std::vector<std::string> old;
  world_.line = [&](const UdpAddress& from, const UdpAddress&, std::string& datagram) {
    if (!is_from_node(from)) old.push_back(datagram);
    return std::vector<Duration>{1ms};
  };
  world_.run(10s);
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string& datagram) {
    const auto head = probe::read_head(datagram);
    if (is_from_node(from)) {
      for (const std::string& answer : old) {
        if (probe::read_head(answer)->sequence == head->sequence) world_.arrive(2ms, to, from, answer);
      }
    }
    return std::vector<Duration>{};
  };
  const std::unique_ptr<NodeAt> fresh = add_node(101);
  world_.run(10s);
  EXPECT_EQ((**fresh).figures().answers, 0U);
  EXPECT_GT((**fresh).figures().replayed, 20U);
}

TEST_F(EngineTest, CountsWhatComesTooLate) {
  world_.line = [&](const UdpAddress& from, const UdpAddress&, std::string&) {
    return std::vector<Duration>{is_from_node(from) ? Duration(1ms) : Duration(2500ms)};
  };
  world_.run(20s);
  EXPECT_EQ(figures().answers, 0U);
  EXPECT_GT(figures().late, 60U);
  EXPECT_EQ(figures().replayed, 0U);
}

TEST_F(EngineTest, SaysWhoFallsSilentAndWhoComesBack) {
  world_.run(15s);
  for (uint8_t i = 1; i <= 4; ++i) EXPECT_EQ(held(i), true);
  sites_[1]->die();
  world_.run(6s);
  EXPECT_EQ(held(2), true) << "not after a few";
  world_.run(8s);
  EXPECT_EQ(held(2), false);
  EXPECT_EQ(held(1), true);
  sites_[1]->revive();
  world_.run(5s);
  EXPECT_EQ(held(2), false);
  world_.run(8s);
  EXPECT_EQ(held(2), true);
  size_t told = 0;
  for (const VerdictsOp& op : node().verdicts) {
    for (const EndpointVerdict& verdict : op.endpoints)
      if (verdict.site == "s2") ++told;
  }
  EXPECT_EQ(told, 3U) << "reachable, not, and again";
}

TEST_F(EngineTest, MeasuresPathsByTheFirstSitesClock) {
  add_policy();
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string&) {
    const bool between_sites = !is_from_node(from) && !is_from_node(to);
    return std::vector<Duration>{between_sites ? Duration(15ms) : Duration(100ms)};
  };
  world_.run(40s);
  const auto sample = (*node()).latest(path());
  ASSERT_TRUE(sample);
  EXPECT_NEAR(sample->latency_us, 30'000, 100);
  EXPECT_EQ(path_held(), PathStatus::kUp);
  EXPECT_EQ(figures().paths_up, 1U);
  EXPECT_GT((**sites_[0]).counts().forwards, 30U);
}

// Lost between node and first site: no loss of the path. Lost between the sites: one.
TEST_F(EngineTest, TellsLossesOfThePathFromThoseBeforeIt) {
  add_policy();
  Random random(9);
  uint64_t chance_before = 20;
  uint64_t chance_between = 0;
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string&) {
    const bool between_sites = !is_from_node(from) && !is_from_node(to);
    const bool lost = random.below(100) < (between_sites ? chance_between : chance_before);
    return lost ? std::vector<Duration>{} : std::vector<Duration>{2ms};
  };
  const auto mean_loss = [&](Duration time) {
    const WallTime from = world_.now().wall;
    world_.run(time);
    double loss = 0;
    const auto samples = (*node()).since(path(), from);
    for (const Sample& sample : samples) loss += sample.loss_ppm;
    return loss / static_cast<double>(samples.size());
  };
  EXPECT_LT(mean_loss(400s), 60'000);
  chance_before = 0;
  chance_between = 15;
  world_.run(100s);
  EXPECT_NEAR(mean_loss(500s), 277'500, 60'000) << "15 % each way";
}

TEST_F(EngineTest, FindsAPathDownWhenTheSecondSiteIsSilentOrTheFirst) {
  add_policy();
  world_.run(80s);
  ASSERT_EQ(path_held(), PathStatus::kUp);
  sites_[1]->die();
  world_.run(20s);
  EXPECT_EQ(path_held(), PathStatus::kDown);
  EXPECT_EQ((*node()).latest(path())->answered, true) << "an earlier one still is in the window";
  sites_[1]->revive();
  world_.run(80s);
  ASSERT_NE(path_held(), PathStatus::kDown);
  sites_[0]->die();
  world_.run(20s);
  EXPECT_EQ(path_held(), PathStatus::kDown);
}

TEST_F(EngineTest, AForgedAnswerBetweenSitesChangesNothing) {
  add_policy();
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string& datagram) {
    if (from == place(2) && to == place(1)) {
      std::string forged = datagram;
      forged[80] = static_cast<char>(forged[80] ^ 1);
      world_.arrive(1ms, from, to, forged);
      return std::vector<Duration>{10ms};
    }
    return std::vector<Duration>{1ms};
  };
  world_.run(90s);
  EXPECT_EQ(path_held(), PathStatus::kUp);
  EXPECT_GT(figures().forged, 60U);
  EXPECT_EQ((*node()).latest(path())->loss_ppm, 0U);
  EXPECT_NEAR((*node()).latest(path())->latency_us, 11'000, 100);
}

// It has all that the inner probe says, but not the other site's key.
TEST_F(EngineTest, BelievesNoFirstSiteThatMakesUpTheSecondsAnswer) {
  add_policy();
  auth::HmacSha256 hmac;
  const std::string key = probe_key("s1", 1, crypto_);
  std::optional<probe::Head> inner;
  world_.line = [&](const UdpAddress& from, const UdpAddress&, std::string& datagram) {
    const auto head = probe::read_head(datagram);
    if (is_from_node(from) && head->kind == probe::Kind::kPathProbe)
      inner = probe::read_head(probe::read_path_probe(datagram)->probe);
    if (is_from_node(from) || head->kind != probe::Kind::kPathAnswer) return std::vector<Duration>{1ms};
    datagram = probe::make_path_answer(
        *head, {probe::PathOutcome::kAnswered, 10, probe::make_answer(*inner, key, hmac)}, key, hmac);
    return std::vector<Duration>{1ms};
  };
  world_.run(40s);
  EXPECT_EQ(path_held(), PathStatus::kDown);
  EXPECT_GT(figures().forged, 30U);
}

TEST_F(EngineTest, ProbesNoPathOfAPolicyThatIsOff) {
  add_policy(false);
  world_.run(5s);
  EXPECT_EQ(figures().paths, 0U);
  PolicyFields fields = tables_.policy("p")->fields;
  fields.enabled = true;
  apply(PutPolicyOp{"p", false, fields, {}});
  world_.run(2s);
  EXPECT_EQ(figures().paths, 1U);
}

TEST_F(EngineTest, GivesNoVerdictsWhenItHearsNobodyAtAll) {
  world_.run(15s);
  const size_t before = node().verdicts.size();
  bool is_dark = true;
  world_.line = [&](const UdpAddress&, const UdpAddress&, std::string&) {
    return is_dark ? std::vector<Duration>{} : std::vector<Duration>{1ms};
  };
  world_.run(120s);
  EXPECT_EQ(node().verdicts.size(), before);
  EXPECT_TRUE(figures().is_cut_off);
  EXPECT_NE(node().remark.find("cut off"), std::string::npos);
  // Nor when it hears them again, of what it did not hear.
  is_dark = false;
  world_.run(30s);
  EXPECT_FALSE(figures().is_cut_off);
  EXPECT_EQ(node().remark, "");
  for (size_t i = before; i < node().verdicts.size(); ++i) {
    for (const EndpointVerdict& verdict : node().verdicts[i].endpoints) EXPECT_TRUE(verdict.reachable);
  }
  for (uint8_t i = 1; i <= 4; ++i) EXPECT_EQ(held(i), true);
}

// Probes that went out in the dark run into their time when it has ended, and some are heard again later than
// others.
TEST_F(EngineTest, HoldsNothingAgainstAnybodyThatIsOfTheDark) {
  node_->leads = false;
  const std::unique_ptr<NodeAt> fast = add_node(101, 100ms);
  fast->leads = true;
  world_.run(15s);
  const size_t before = fast->verdicts.size();
  uint8_t heard = 0;  // sites from the first to this
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string&) {
    const bool is_dark = from == place(101) && to.ip[3] > heard;
    return is_dark ? std::vector<Duration>{} : std::vector<Duration>{1ms};
  };
  world_.run(20s);
  heard = 1;
  world_.run(1200ms);
  heard = 4;
  world_.run(20s);
  for (size_t i = before; i < fast->verdicts.size(); ++i) {
    for (const EndpointVerdict& verdict : fast->verdicts[i].endpoints) EXPECT_TRUE(verdict.reachable);
  }
}

TEST_F(EngineTest, AnotherLeaderGoesOnWithoutChangingAnything) {
  add_policy();
  sites_[3]->die();
  world_.run(90s);
  ASSERT_EQ(held(4), false);
  node_->leads = false;
  const std::unique_ptr<NodeAt> fresh = add_node(101);
  fresh->leads = true;
  const size_t before = node_->verdicts.size();
  world_.run(50s);
  for (const VerdictsOp& op : fresh->verdicts) {
    EXPECT_TRUE(op.paths.empty());
    for (const EndpointVerdict& verdict : op.endpoints)
      EXPECT_EQ(verdict.reachable, verdict.site != "s4")
          << "what was said stands, but for when it was seen last";
  }
  sites_[2]->die();
  world_.run(20s);
  EXPECT_EQ(held(3), false) << "and it says what is new";
  EXPECT_EQ(node_->verdicts.size(), before) << "the former one says nothing";
}

// What is held to be down rises only when all of the last were answered, whoever leads.
TEST_F(EngineTest, APathThatIsHeldToBeDownStaysSoWhileItLosesNowAndThen) {
  add_policy();
  world_.run(80s);
  sites_[1]->die();
  world_.run(20s);
  ASSERT_EQ(path_held(), PathStatus::kDown);
  sites_[1]->revive();
  size_t count = 0;
  world_.line = [&](const UdpAddress& from, const UdpAddress& to, std::string&) {
    const bool is_lost = from == place(1) && to == place(2) && ++count % 5 == 0;
    return is_lost ? std::vector<Duration>{} : std::vector<Duration>{1ms};
  };
  world_.run(80s);
  EXPECT_EQ(path_held(), PathStatus::kDown);
  count = 0;
  world_.line = [](const UdpAddress&, const UdpAddress&, std::string&) { return std::vector<Duration>{1ms}; };
  world_.run(12s);
  EXPECT_NE(path_held(), PathStatus::kDown);
}

TEST_F(EngineTest, APauseOfTheProcessIsNobodysLoss) {
  world_.run(15s);
  const size_t before = node().verdicts.size();
  const uint64_t lost = figures().lost;
  world_.stand_still(30s);
  world_.run(10s);
  EXPECT_EQ(figures().lost, lost);
  EXPECT_EQ(node().verdicts.size(), before);
  EXPECT_LT((*node()).latest(endpoint(1))->latency_us, 3'000U);
}

TEST_F(EngineTest, IsWellAndIdleWithoutSites) {
  for (uint8_t i = 1; i <= 4; ++i) apply(DeleteSiteOp{"s" + std::to_string(i), {}});
  world_.run(3s);
  const size_t sent = world_.sent.size();
  const size_t turns = node().turns;
  world_.run(10s);
  EXPECT_EQ(world_.sent.size(), sent);
  EXPECT_EQ(node().turns, turns + 10);
  EXPECT_EQ(node().remark, "there are no sites");
  EXPECT_FALSE((*node()).latest(endpoint(1)));
}

TEST_F(EngineTest, ProbesWithTheKeyOfTheGeneration) {
  world_.run(15s);
  SiteFields fields = tables_.site("s1")->fields;
  fields.key_generation = 2;
  apply(PutSiteOp{"s1", false, fields, {}});
  world_.run(20s);
  EXPECT_EQ(held(1), false) << "its responder has the old key";
  EXPECT_GT((**sites_[0]).counts().forged, 10U);
  sites_[0].reset();
  sites_[0] = std::make_unique<SiteAt>(world_, "s1", place(1), probe_key("s1", 2, crypto_));
  world_.run(15s);
  EXPECT_EQ(held(1), true);
}

TEST_F(EngineTest, ANameThatIsNotThereIsNotReachable) {
  add_site("named", {"nowhere.example:7700"}, 50);
  world_.run(25s);
  const EndpointState* state = tables_.endpoint("named", "nowhere.example:7700");
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->reachable);
}

TEST_F(EngineTest, KeepsSamplesWithinTheirBound) {
  world_.run(700s);
  const auto all = (*node()).since(endpoint(1), WallTime{0});
  EXPECT_EQ(all.size(), limits::kSamplesKept);
  const WallTime minute_ago{world_.now().wall.unix_ms - 60'000};
  EXPECT_NEAR(static_cast<double>((*node()).since(endpoint(1), minute_ago).size()), 60, 2);
}

// With more than it can ask in an interval, each has its turn all the same.
TEST_F(EngineTest, TakesLongerForMoreTargetsThanItMayAsk) {
  for (int site = 0; site < 500; ++site) {
    SiteFields fields{"many " + std::to_string(site), {}, 1};
    for (int i = 0; i < 8; ++i)
      fields.endpoints.push_back({"10.1." + std::to_string(i) + ".1:" + std::to_string(1 + site), "lte", 0});
    apply(PutSiteOp{"many" + std::to_string(site), true, fields, {}});
  }
  world_.run(3s);
  EXPECT_NEAR(figures().interval_seconds, 2.0, 0.01);
  const size_t before = world_.sent.size();
  world_.run(10s);
  EXPECT_NEAR(static_cast<double>(world_.sent.size() - before), 10.0 * limits::kProbesPerSecond, 200);
  EXPECT_NE(node().remark.find("only every 2.0 s"), std::string::npos);
}

}  // namespace
}  // namespace patronus::sdwan::test::probe_engine_test
