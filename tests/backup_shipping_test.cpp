// How far Litestream has come, which copy is asked for, and what node and side process tell each other.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "core/base/limits.h"
#include "io/backup/litestream.h"
#include "io/backup/mailbox.h"
#include "io/backup/shipping.h"
#include "io/config/time_text.h"

namespace patronus::backup::backup_shipping_test {
namespace {

LitestreamMetrics seen(uint64_t syncs, LogPosition shadow, LogPosition replica) {
  LitestreamMetrics metrics;
  metrics.syncs = syncs;
  metrics.shadow = shadow;
  metrics.replicas["file"] = replica;
  return metrics;
}

TEST(LitestreamMetrics, AreRead) {
  const LitestreamMetrics metrics = parse_litestream_metrics(
      "# TYPE litestream_shadow_wal_index gauge\n"
      "litestream_shadow_wal_index{db=\"/d.db\"} 3\n"
      "litestream_shadow_wal_size{db=\"/d.db\"} 1.2345e+06\n"
      "litestream_sync_count{db=\"/d.db\"} 5\n"
      "litestream_replica_wal_index{db=\"/d.db\",name=\"s3\"} 3\n"
      "litestream_replica_wal_offset{db=\"/d.db\",name=\"s3\"} 4152\n"
      "litestream_replica_wal_offset{db=\"/d.db\",name=\"file\"} nonsense\n"
      "go_goroutines 12\n");
  EXPECT_EQ(metrics.shadow, (LogPosition{3, 1'234'500}));
  EXPECT_EQ(metrics.syncs, 5U);
  ASSERT_EQ(metrics.replicas.size(), 1U);
  EXPECT_EQ(metrics.replicas.at("s3"), (LogPosition{3, 4152}));
}

// What is known to be there is what a look at the database found that began after that moment.
TEST(Shipping, CoversWhatTheReplicaHasReached) {
  Shipping shipping;
  shipping.saw(1'000, "g", seen(1, {0, 100}, {0, 100}));
  shipping.saw(2'000, "g", seen(2, {0, 100}, {0, 100}));
  EXPECT_EQ(shipping.covered_ms("file"), 0) << "a sync was counted, and may have begun before the first look";
  shipping.saw(3'000, "g", seen(3, {0, 100}, {0, 100}));
  EXPECT_EQ(shipping.covered_ms("file"), 1'000);
  shipping.saw(4'000, "g", seen(4, {0, 200}, {0, 100}));
  shipping.saw(5'000, "g", seen(5, {0, 300}, {0, 200}));
  EXPECT_EQ(shipping.covered_ms("file"), 2'000);
  shipping.saw(6'000, "g", seen(6, {0, 300}, {0, 300}));
  EXPECT_EQ(shipping.covered_ms("file"), 4'000);
  shipping.saw(7'000, "g", seen(9, {0, 300}, {0, 300}));
  EXPECT_EQ(shipping.covered_ms("file"), 6'000);
}

TEST(Shipping, StandsStillInAnOutage) {
  Shipping shipping;
  const auto see = [&](size_t t, LogPosition shadow, LogPosition replica) {
    shipping.saw(static_cast<int64_t>(t) * 1'000, "g", seen(t, shadow, replica));
  };
  constexpr size_t kEnd = 3 * limits::kBackupSamplesMax;
  see(1, {0, 100}, {0, 100});
  for (size_t t = 2; t < kEnd; ++t) see(t, {0, 100 + t}, {0, 100});
  EXPECT_EQ(shipping.covered_ms("file"), 0);
  for (size_t t = kEnd; t < kEnd + 3; ++t) see(t, {1, 50}, {1, 50});
  EXPECT_GT(shipping.covered_ms("file"), 0) << "and goes on once the target is back";
}

// Litestream that does not look at the database proves nothing, whatever its positions are.
TEST(Shipping, NeedsALookAtTheDatabase) {
  Shipping shipping;
  for (int64_t t = 1; t < 10; ++t) shipping.saw(t * 1'000, "g", seen(7, {0, 100}, {0, 100}));
  EXPECT_EQ(shipping.covered_ms("file"), 0);
}

// Positions of the generation before are larger, and mean nothing.
TEST(Shipping, BeginsAnewWithAGeneration) {
  Shipping shipping;
  shipping.saw(1'000, "g", seen(1, {9, 100}, {9, 100}));
  shipping.saw(2'000, "h", seen(2, {0, 100}, {9, 100}));
  shipping.saw(3'000, "h", seen(3, {0, 200}, {9, 100}));
  EXPECT_EQ(shipping.covered_ms("file"), 0);
  EXPECT_FALSE(shipping.position("file"));
  shipping.saw(4'000, "h", seen(4, {0, 200}, {0, 200}));
  EXPECT_EQ(shipping.covered_ms("file"), 2'000);
  EXPECT_EQ(shipping.position("file"), (LogPosition{0, 200}));
}

TEST(Generations, AreAskedForTheLatestBefore) {
  const std::vector<Generation> found = parse_generations(
      "name  generation        lag   start                 end\n"
      "file  aaaaaaaaaaaaaaaa  2.6s  2026-11-29T06:00:00Z  2026-11-29T06:10:00Z\n"
      "file  bbbbbbbbbbbbbbbb  2.6s  2026-11-29T06:20:00Z  2026-11-29T06:30:00Z\n");
  ASSERT_EQ(found.size(), 2U);
  const auto at = [](const char* text) { return *parse_time(text); };
  // Within the second: nothing later than a little after it, and the former as a whole at last.
  const std::vector<Ask> within = asks_for(found, at("2026-11-29T06:25:00Z"));
  ASSERT_FALSE(within.empty());
  EXPECT_EQ(within.front(), (Ask{"bbbbbbbbbbbbbbbb", at("2026-11-29T06:25:02Z")}));
  EXPECT_EQ(within.back(), (Ask{"aaaaaaaaaaaaaaaa", std::nullopt}));
  // Between both, and after all: whole ones, since Litestream refuses a time after the end.
  EXPECT_EQ(asks_for(found, at("2026-11-29T06:15:00Z")),
            (std::vector<Ask>{{"aaaaaaaaaaaaaaaa", std::nullopt}}));
  EXPECT_EQ(asks_for(found, at("2026-11-29T07:00:00Z")).front(), (Ask{"bbbbbbbbbbbbbbbb", std::nullopt}));
  EXPECT_TRUE(asks_for(found, at("2026-11-29T05:00:00Z")).empty());
}

TEST(Mailbox, IsReadStrictly) {
  Report report;
  report.node = "n1";
  report.at_ms = 5;
  report.targets.push_back({"file", "file:///x", "g", LogPosition{1, 2}, 3, 4, 5, "no room"});
  report.targets.push_back({"s3", "s3://x", "", std::nullopt, 0, 0, 0, ""});
  report.verified.push_back({"file", true, 7, 8, 9, "fine"});
  EXPECT_EQ(decode_report(encode(report)), report);
  EXPECT_EQ(decode_requests(encode(Requests{7, 8})), (Requests{7, 8}));
  EXPECT_EQ(decode_verified(encode(report.verified)), report.verified);
  const std::string text = encode(report);
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(decode_report(text.substr(0, n)));
  EXPECT_FALSE(decode_report(text + " x"));
  EXPECT_FALSE(decode_report("{\"format\":2}"));
  std::string more = text;
  more.insert(1, "\"odd\":1,");
  EXPECT_FALSE(decode_report(more)) << "an unknown field";
}

// However long what went wrong is put, the report stays within its bound and is read.
TEST(Mailbox, HasABound) {
  Report report;
  const std::string long_text(100'000, '\xff');
  report.detail = long_text;
  report.now_fault = long_text;
  for (size_t i = 0; i < limits::kBackupTargetsMax; ++i) {
    report.targets.push_back({"t", std::string(5'000, 'u'), "g", std::nullopt, 0, 0, 0, long_text});
    report.verified.push_back({"t", false, 1, 2, 3, long_text});
  }
  const std::string text = encode(report);
  EXPECT_LE(text.size(), limits::kBackupReportBytesMax);
  EXPECT_TRUE(decode_report(text));
}

RC_GTEST_PROP(Times, AreReadAsTheyAreWritten, ()) {
  const int64_t ms = *rc::gen::inRange<int64_t>(0, 4'102'444'800'000);
  RC_ASSERT(parse_time(format_time(ms)) == ms);
}

TEST(Times, SayTheirOffset) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:01Z"), 1'000);
  EXPECT_EQ(parse_time("1970-01-01T01:00:00.25+01:00"), 250);
  EXPECT_EQ(parse_time("2026-02-28T23:59:59-00:30"), *parse_time("2026-03-01T00:29:59Z"));
  for (const char* wrong :
       {"", "latest", "2026-03-01", "2026-03-01T12:00:00", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01 12:00:00Z", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00Zx", "+2026-03-01T12:00:00Z"})
    EXPECT_FALSE(parse_time(wrong)) << wrong;
}

}  // namespace
}  // namespace patronus::backup::backup_shipping_test
