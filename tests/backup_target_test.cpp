// Where backups go, as it is written, and what Litestream is told of it.
#include <gtest/gtest.h>

#include <string>

#include "io/backup/litestream_config.h"
#include "io/backup/objects.h"
#include "io/backup/target.h"

namespace patronus::backup::backup_target_test {
namespace {

std::vector<Target> targets_of(const std::string& text) {
  std::variant<std::vector<Target>, std::string> parsed = parse_targets(text);
  EXPECT_FALSE(std::holds_alternative<std::string>(parsed)) << std::get<std::string>(parsed);
  return std::holds_alternative<std::string>(parsed) ? std::vector<Target>{}
                                                     : std::get<std::vector<Target>>(parsed);
}
std::string fault_of(const std::string& text) {
  std::variant<std::vector<Target>, std::string> parsed = parse_targets(text);
  return std::holds_alternative<std::string>(parsed) ? std::get<std::string>(parsed) : "";
}

TEST(BackupTarget, OfEachKind) {
  const std::vector<Target> targets = targets_of(
      "file:///var/backups/a%20b, s3://bucket/some/prefix/?region=eu-central-1\n"
      "s3://other?endpoint=http://127.0.0.1:9000/&force-path-style=true&retention=720h&sync-interval=10s,"
      "abs://account@box/prefix?endpoint=http://127.0.0.1:10000/account  "
      "gcs://bucket?name=far&snapshot-interval=2h");
  ASSERT_EQ(targets.size(), 5U);
  EXPECT_EQ(targets[0].path, "/var/backups/a b");
  EXPECT_EQ(targets[0].name, "file");
  EXPECT_EQ(targets[1].bucket, "bucket");
  EXPECT_EQ(targets[1].path, "some/prefix");
  EXPECT_EQ(targets[1].region, "eu-central-1");
  EXPECT_EQ(targets[2].name, "s3-2");
  EXPECT_EQ(targets[2].endpoint, "http://127.0.0.1:9000");
  EXPECT_TRUE(targets[2].force_path_style);
  EXPECT_EQ(targets[2].retention, std::chrono::hours(720));
  EXPECT_EQ(targets[2].sync_interval, std::chrono::seconds(10));
  EXPECT_EQ(targets[3].account, "account");
  EXPECT_EQ(targets[3].bucket, "box");
  EXPECT_EQ(targets[4].name, "far");
  EXPECT_EQ(targets[4].kind, TargetKind::kGcs);
  // What is written again means the same.
  std::string again;
  for (const Target& target : targets) again += target.url() + " ";
  EXPECT_EQ(targets_of(again), targets);
}

TEST(BackupTarget, SaysWhatIsWrong) {
  EXPECT_NE(fault_of("").find("there is no target"), std::string::npos);
  EXPECT_NE(fault_of("/var/backups").find("is no target"), std::string::npos);
  EXPECT_NE(fault_of("ftp://host/x").find("'ftp' is no target"), std::string::npos);
  EXPECT_NE(fault_of("file://var/backups").find("absolute path"), std::string::npos);
  EXPECT_NE(fault_of("file:///").find("absolute path"), std::string::npos);
  EXPECT_NE(fault_of("file:///a/../b").find("segment"), std::string::npos);
  EXPECT_NE(fault_of("file:///a%00b").find("characters"), std::string::npos);
  EXPECT_NE(fault_of("file:///a$b").find("characters"), std::string::npos);
  EXPECT_NE(fault_of("file:///a%2").find("characters"), std::string::npos);
  EXPECT_NE(fault_of("file:///a?region=x").find("no parameter region"), std::string::npos);
  EXPECT_NE(fault_of("s3:///x").find("no bucket"), std::string::npos);
  EXPECT_NE(fault_of("s3://b?endpoint=host:9000").find("no URL"), std::string::npos);
  EXPECT_NE(fault_of("s3://b?force-path-style=yes").find("true or false"), std::string::npos);
  EXPECT_NE(fault_of("s3://b?retention=soon").find("is no time"), std::string::npos);
  EXPECT_NE(fault_of("s3://b?retention=1h&retention=1h").find("twice"), std::string::npos);
  EXPECT_NE(fault_of("abs://box/x").find("no account"), std::string::npos);
  EXPECT_NE(fault_of("s3://a?name=x s3://b?name=x").find("have the name"), std::string::npos);
  EXPECT_NE(fault_of("file:///a file:///a").find("same place"), std::string::npos);
  std::string many;
  for (int i = 0; i < 9; ++i) many += "file:///t" + std::to_string(i) + " ";
  EXPECT_NE(fault_of(many).find("more than 8"), std::string::npos);
}

// A key in the URL would end up in a file, and in errors.
TEST(BackupTarget, ShowsNoSecret) {
  for (const std::string url : {"s3://KEY:s3cr3t@bucket/x", "abs://acc:s3cr3t@box/x", "gcs://u:s3cr3t@b"}) {
    const std::string fault = fault_of(url);
    EXPECT_FALSE(fault.empty()) << url;
    EXPECT_EQ(fault.find("s3cr3t"), std::string::npos) << fault;
  }
}

TEST(BackupTarget, OfALostCluster) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  const auto source = [](const std::string& url) { return std::get<Source>(parse_source(url)); };
  EXPECT_EQ(source("file:///backups/" + id).target.path, "/backups");
  EXPECT_EQ(source("file:///backups/" + id).cluster->hex(), id);
  EXPECT_EQ(source("s3://bucket/" + id).target.path, "");
  EXPECT_EQ(source("s3://bucket/deep/" + id).target.path, "deep");
  EXPECT_FALSE(source("s3://bucket/deep").cluster);
  EXPECT_FALSE(parse_cluster_id("0123456789ABCDEF0123456789abcdef"));
  EXPECT_FALSE(parse_cluster_id(std::string(32, '0')));
}

TEST(LitestreamConfig, IsWhatLitestreamReads) {
  LitestreamConfig config;
  config.database = "/data/a \"b\".db";
  config.path = "0123/n1";
  config.metrics_addr = "127.0.0.1:9190";
  config.targets = targets_of(
      "file:///backups s3://bucket/p?endpoint=http://h:1&region=r&force-path-style=true abs://acc@box "
      "gcs://g/x");
  const std::string text = render(config);
  EXPECT_NE(text.find("Litestream 0.3.13"), std::string::npos);
  EXPECT_NE(text.find("addr: \"127.0.0.1:9190\"\n"
                      "dbs:\n"
                      "  - path: \"/data/a \\\"b\\\".db\"\n"
                      "    replicas:\n"
                      "      - name: \"file\"\n"
                      "        type: file\n"
                      "        path: \"/backups/0123/n1\"\n"
                      "        retention: 86400s\n"
                      "        snapshot-interval: 21600s\n"
                      "        sync-interval: 1s\n"
                      "      - name: \"s3\"\n"
                      "        type: s3\n"
                      "        bucket: \"bucket\"\n"
                      "        path: \"p/0123/n1\"\n"
                      "        endpoint: \"http://h:1\"\n"
                      "        region: \"r\"\n"
                      "        force-path-style: true\n"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find(
          "type: abs\n        account-name: \"acc\"\n        bucket: \"box\"\n        path: \"0123/n1\"\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("type: gcs\n        bucket: \"g\"\n        path: \"x/0123/n1\"\n"), std::string::npos)
      << text;
}

TEST(S3Page, IsReadWhole) {
  const std::string xml =
      "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>"
      "<Contents><Key>p/a&amp;b</Key><Size>12</Size></Contents><Contents><Size>3</Size><Key>p/c</Key></"
      "Contents>"
      "<CommonPrefixes><Prefix>p/d/</Prefix></CommonPrefixes>"
      "<NextContinuationToken>t&lt;1</NextContinuationToken></ListBucketResult>";
  const std::variant<ListPage, std::string> read = parse_s3_page(xml);
  ASSERT_TRUE(std::holds_alternative<ListPage>(read));
  const auto& page = std::get<ListPage>(read);
  EXPECT_EQ(page.listing.objects, (std::vector<Object>{{"p/a&b", 12}, {"p/c", 3}}));
  EXPECT_EQ(page.listing.folders, std::vector<std::string>{"p/d/"});
  EXPECT_EQ(page.continuation, "t<1");
  // What is cut short anywhere must not pass for all there is.
  for (size_t n = 0; n < xml.size(); ++n)
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_s3_page(std::string_view(xml).substr(0, n)))) << n;
  EXPECT_TRUE(std::holds_alternative<std::string>(parse_s3_page("<Error><Code>NoSuchBucket</Code></Error>")));
  EXPECT_TRUE(std::holds_alternative<std::string>(
      parse_s3_page("<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>")));
  EXPECT_TRUE(std::holds_alternative<std::string>(
      parse_s3_page("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")));
}

}  // namespace
}  // namespace patronus::backup::backup_target_test
