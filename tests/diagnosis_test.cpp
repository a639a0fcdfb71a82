// What patronusctl doctor makes of what nodes say.
#include "io/patronusctl/diagnosis.h"

#include <gtest/gtest.h>

#include <string>

namespace patronus::ctl::diagnosis_test {
namespace {

picojson::value parsed(const std::string& text) {
  picojson::value value;
  EXPECT_EQ(picojson::parse(value, text), "");
  return value;
}

std::string member(const std::string& id, const std::string& more = "") {
  return R"({"id":")" + id +
         R"(","role":"follower","standing":"voter","voter":true,"healthy":true,"draining":false,)" +
         R"("log_room":"plenty","version":"1","lag_entries":0,"address":"x:1")" + more + "}";
}
Examined node(const std::string& id, const std::string& members, const std::string& more = "") {
  Examined one;
  one.place = "https://" + id;
  one.node = id;
  one.status =
      parsed(R"({"cluster_id":"c1","leader":"n1","healthy":true,"quorum":2,"failure_tolerance":1,"nodes":[)" +
             members + "]" + more + "}");
  one.ready = parsed(R"({"components":[{"name":"wal","ok":true,"reason":""}]})");
  return one;
}
const std::string kThree = member("n1") + "," + member("n2") + "," + member("n3");

// Whether one finding says all of this.
testing::AssertionResult finds(const std::vector<Finding>& findings, Severity severity,
                               const std::string& what, const std::string& mend) {
  std::string all;
  for (const Finding& one : findings) {
    if (one.severity == severity && one.what.find(what) != std::string::npos &&
        one.mend.find(mend) != std::string::npos)
      return testing::AssertionSuccess();
    all += one.what + " => " + one.mend + "\n";
  }
  return testing::AssertionFailure() << "found only:\n" << all;
}

TEST(Diagnosis, FindsNothingWhereAllIsWell) {
  EXPECT_TRUE(diagnose({node("n1", kThree), node("n2", kThree), node("n3", kThree)}).empty());
}

TEST(Diagnosis, NamesWhatIsWrongWithAMember) {
  const auto found = [](const std::string& more) {
    return diagnose({node("n1", member("n1") + "," + member("n2") + "," + member("n3", more))});
  };
  EXPECT_TRUE(
      finds(found(R"(,"healthy":false)"), Severity::kImpaired, "does not hear node n3", "node remove n3"));
  EXPECT_TRUE(finds(found(R"(,"draining":true)"), Severity::kImpaired, "n3 drains", "node undrain n3"));
  EXPECT_TRUE(
      finds(found(R"(,"log_room":"none")"), Severity::kImpaired, "disk of node n3 is full", "make room"));
  EXPECT_TRUE(finds(found(R"(,"role":"stranger")"), Severity::kImpaired, "another data directory", ""));
  EXPECT_TRUE(
      finds(found(R"(,"standing":"expected")"), Severity::kHint, "n3 is expected", "empty data directory"));
  EXPECT_TRUE(finds(found(R"(,"version":"2")"), Severity::kHint, "2 versions", "upgrade"));
}

TEST(Diagnosis, NobodyLeadsAndWhatWouldHelp) {
  Examined one = node("n2", kThree);
  one.status.get<picojson::object>()["healthy"] = picojson::value(false);
  Examined gone;
  gone.place = "https://n1";
  gone.error = "connection refused";
  const auto found = diagnose({gone, one});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().severity, Severity::kDown) << "the gravest first";
  EXPECT_TRUE(finds(found, Severity::kDown, "nobody can write", "node recover"));
  EXPECT_TRUE(
      finds(found, Severity::kImpaired, "https://n1 does not answer: connection refused", "patronusd"));
}

TEST(Diagnosis, TwoClustersAreNamed) {
  Examined other = node("n3", kThree);
  other.status.get<picojson::object>()["cluster_id"] = picojson::value(std::string("c2"));
  EXPECT_TRUE(finds(diagnose({node("n1", kThree), node("n2", kThree), other}), Severity::kDown,
                    "n1, n2 of cluster c1; n3 of cluster c2", "stop those"));
}

TEST(Diagnosis, ANodeThatIsNotReadySaysWhy) {
  Examined one = node("n1", kThree);
  one.ready = parsed(R"({"components":[{"name":"wal","ok":false,"reason":"a write takes long"}]})");
  EXPECT_TRUE(finds(diagnose({one}), Severity::kImpaired, "n1 is not ready: wal: a write takes long",
                    "log of node n1"));
}

TEST(Diagnosis, CertificatesThatEnd) {
  Examined one = node("n1", kThree);
  one.certificate_days = 30;
  EXPECT_TRUE(diagnose({one}).empty());
  one.certificate_days = 1;
  EXPECT_TRUE(finds(diagnose({one}), Severity::kHint, "ends in 1 day", "tls renew --node n1"));
  one.certificate_days = -1;
  EXPECT_TRUE(finds(diagnose({one}), Severity::kImpaired, "has ended", "tls renew --node n1"));
}

TEST(Diagnosis, HowManyFailuresAreBorne) {
  EXPECT_TRUE(finds(diagnose({node("n1", member("n1"))}), Severity::kHint, "one voter", "two more nodes"));
  EXPECT_TRUE(finds(diagnose({node("n1", kThree + "," + member("n4"))}), Severity::kHint,
                    "4 voters bear no more", ""));
}

}  // namespace
}  // namespace patronus::ctl::diagnosis_test
