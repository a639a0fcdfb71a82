// Configuration as operators give it: which source wins, and one clear line for each thing that is wrong.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/config/config.h"
#include "io/config/duration.h"

namespace patronus::config_test {
namespace {

using namespace std::chrono_literals;

// The least that is a good configuration.
Sources good() {
  Sources sources;
  sources.flags = {{"NODE_ID", "a"},
                   {"LISTEN_PLAIN", "127.0.0.1:8081"},
                   {"CLUSTER_SECRET", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}};
  return sources;
}

Sources with(const std::string& name, const std::string& value) {
  Sources sources = good();
  sources.flags[name] = value;
  return sources;
}

// The one line that a wrong value gives. It must name the variable, the value and what would do.
std::string complaint(const std::string& name, const std::string& value) {
  const LoadedConfig loaded = make_config(with(name, value));
  EXPECT_EQ(loaded.errors.size(), 1U) << name << "='" << value << "'";
  if (loaded.errors.empty()) return "";
  const std::string& line = loaded.errors[0];
  EXPECT_TRUE(line.starts_with("PATRONUS_" + name + "='" + value + "' ")) << line;
  EXPECT_NE(line.find("; "), std::string::npos) << "it does not say what would do: " << line;
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  return line;
}

Config config_of(const Sources& sources) {
  const LoadedConfig loaded = make_config(sources);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors[0];
  return loaded.config;
}

TEST(Config, HasTheDocumentedDefaults) {
  const Config config = config_of(good());
  EXPECT_EQ(config.peer_address, (Address{"127.0.0.1", 7443}));
  EXPECT_TRUE(config.peers.empty());
  EXPECT_EQ(config.founding_nodes, 1U);
  EXPECT_TRUE(config.auto_join);
  EXPECT_EQ(config.data_dir, "/data/raft");
  EXPECT_EQ(config.election_timeout, 5s);
  EXPECT_EQ(config.heartbeat_interval, 1s);
  EXPECT_EQ(config.request_timeout, 10s);
  EXPECT_EQ(config.log_level, "info");
  EXPECT_EQ(config.leader_priority, 0);
  EXPECT_EQ(config_of(with("LEADER_PRIORITY", "100")).leader_priority, 100);
}

TEST(Config, FlagBeforeEnvironmentBeforeFileBeforeDefault) {
  Sources sources = good();
  EXPECT_EQ(config_of(sources).log_level, "info");
  sources.file["LOG_LEVEL"] = "debug";
  EXPECT_EQ(config_of(sources).log_level, "debug");
  sources.environment["LOG_LEVEL"] = "warn";
  EXPECT_EQ(config_of(sources).log_level, "warn");
  sources.flags["LOG_LEVEL"] = "error";
  EXPECT_EQ(config_of(sources).log_level, "error");
}

TEST(Config, TheHostNameIsTheLastResortForTheNodesName) {
  Sources sources = good();
  sources.host_name = "pod-0";
  EXPECT_EQ(config_of(sources).node_id, "a");
  sources.flags.erase("NODE_ID");
  EXPECT_EQ(config_of(sources).node_id, "pod-0");
}

TEST(Config, EveryWrongValueGivesOneLine) {
  for (const char* value : {"", "a b", "a:1"}) complaint("NODE_ID", value);
  for (const char* value :
       {"", "8081", ":8081", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"}) {
    complaint("LISTEN_PLAIN", value);
  }
  for (const char* value : {"nowhere", "127.0.0.1:-1"}) complaint("PEER_ADDR", value);
  complaint("DATA_DIR", "");
  for (const char* value : {"/", "/data/"}) complaint("DB_PATH", value);
  for (const char* value : {"", "x", "999ms", "25h"}) complaint("DB_CHECK_INTERVAL", value);
  for (const char* value : {"", "loud", "INFO"}) complaint("LOG_LEVEL", value);
  for (const char* value : {"", "soon", "5 s", "-5", "49ms", "61s"}) complaint("ELECTION_TIMEOUT", value);
  for (const char* value : {"", "x", "0", "1001ms"}) complaint("HEARTBEAT_INTERVAL", value);
  for (const char* value : {"", "x", "9ms", "301s", "1h"}) complaint("REQUEST_TIMEOUT", value);
  for (const char* value : {"0", "2", "all"}) complaint("FOUNDING_NODES", value);
  for (const char* value : {"", "high", "-1", "101", "1.5", "300"}) complaint("LEADER_PRIORITY", value);
  for (const char* value : {"b", "b=", "=c:1", "b=c:1,,d=e:1", "b=c:1,b=d:1", "c:1,c:1", "b c=d:1",
                            "dns:", "dns:cluster", "dns::1", "dns:10.0.0.1:7443", "dns:[::1]:7443",
                            "dns:nodes:7443,b=c:1", "b=c:1,dns:nodes:7443", "dns:a:1,dns:b:1"}) {
    complaint("PEERS", value);
  }
}

TEST(Config, TheDatabaseIsBesideTheDataOrWhereItIsWanted) {
  Sources sources = good();
  sources.flags.erase("DATA_DIR");
  EXPECT_EQ(config_of(sources).database_path, "/data/dashboard.db");
  sources.flags["DATA_DIR"] = "/var/lib/patronus";
  EXPECT_EQ(config_of(sources).database_path, "/var/lib/patronus/dashboard.db");
  sources.flags["DB_PATH"] = "/srv/tables.db";
  EXPECT_EQ(config_of(sources).database_path, "/srv/tables.db");
  for (const char* none : {"off", ""}) {
    sources.flags["DB_PATH"] = none;
    EXPECT_EQ(config_of(sources).database_path, "");
  }
}

// The operator mends all of it at once, not one line a restart.
TEST(Config, SeveralWrongValuesGiveALineEach) {
  Sources sources = good();
  sources.flags["LOG_LEVEL"] = "loud";
  sources.flags["PEERS"] = "b";
  sources.flags["DATA_DIR"] = "";
  sources.flags["ELECTION_TIMEOUT"] = "soon";
  sources.flags["REQUEST_TIMEOUT"] = "late";
  EXPECT_EQ(make_config(sources).errors.size(), 5U);
}

TEST(Config, AMissingListenAddressIsSaid) {
  Sources sources = good();
  sources.flags.erase("LISTEN_PLAIN");
  const LoadedConfig loaded = make_config(sources);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_TRUE(loaded.errors[0].starts_with("PATRONUS_LISTEN_PLAIN='' is not set")) << loaded.errors[0];
}

// Without TLS nothing may be served where another machine could read it.
TEST(Config, OnlyLoopbackIsServed) {
  for (const char* address : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "localhost:1"}) {
    EXPECT_EQ(config_of(with("LISTEN_PLAIN", address)).listen_plain, parse_address(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "example.org:1", "128.0.0.1:1"}) {
    EXPECT_NE(complaint("LISTEN_PLAIN", address).find("loopback"), std::string::npos) << address;
    EXPECT_NE(complaint("PEER_ADDR", address).find("loopback"), std::string::npos) << address;
  }
}

// These are names that somebody else's DNS answers, however they look.
TEST(Config, ANameThatLooksLikeLoopbackIsNone) {
  for (const char* host : {"127.0.0.example", "127.example.org", "127.", "127.0.0.1.example.org",
                           "127.0.0.256", "localhost.example.org", "127.0.0.1.", "::1x"}) {
    EXPECT_FALSE((Address{host, 1}.is_loopback())) << host;
  }
}

TEST(Config, AHeartbeatIsAtMostAFifthOfTheElectionTimeout) {
  Sources sources = with("ELECTION_TIMEOUT", "500ms");
  EXPECT_EQ(config_of(sources).heartbeat_interval, 100ms);
  sources.flags["HEARTBEAT_INTERVAL"] = "100ms";
  EXPECT_EQ(config_of(sources).heartbeat_interval, 100ms);
  sources.flags["HEARTBEAT_INTERVAL"] = "101ms";
  const LoadedConfig loaded = make_config(sources);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_NE(loaded.errors[0].find("100ms"), std::string::npos) << loaded.errors[0];
  EXPECT_EQ(config_of(with("ELECTION_TIMEOUT", "60")).heartbeat_interval, 1s);
}

TEST(Config, ThePeersAreAllButThisNode) {
  const Config config = config_of(with("PEERS", "a=127.0.0.1:7443,b=h2:7443,c=[::1]:7443"));
  ASSERT_EQ(config.peers.size(), 2U);
  EXPECT_EQ(config.peers[0].id, "b");
  EXPECT_EQ(config.peers[0].address, "h2:7443");
  EXPECT_EQ(config.peers[1].id, "c");
  EXPECT_EQ(config.founding_nodes, 3U);
}

TEST(Config, WithoutNamesThisNodeIsKnownByItsAddress) {
  const Config config = config_of(with("PEERS", "127.0.0.1:7443,h2:7443,h3:7443"));
  ASSERT_EQ(config.peers.size(), 2U);
  EXPECT_EQ(config.peers[0].id, "");
  EXPECT_EQ(config.peers[0].address, "h2:7443");
  EXPECT_EQ(config.founding_nodes, 3U);
}

TEST(Config, TheFoundingNumberIsThatOfTheNodesListed) {
  Sources sources = with("PEERS", "b=h2:1,c=h3:1");
  sources.flags["FOUNDING_NODES"] = "3";
  EXPECT_EQ(config_of(sources).founding_nodes, 3U);
  sources.flags["FOUNDING_NODES"] = "2";
  const LoadedConfig loaded = make_config(sources);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_NE(loaded.errors[0].find("use 3"), std::string::npos) << loaded.errors[0];
}

TEST(Config, ANameLeadsToThePeers) {
  Sources sources = with("PEERS", "dns:nodes.example.org:7443");
  for (size_t nodes = 2; nodes <= limits::kMembersMax; ++nodes) {
    sources.flags["FOUNDING_NODES"] = std::to_string(nodes);
    const Config config = config_of(sources);
    EXPECT_EQ(config.peers_name, (Address{"nodes.example.org", 7443}));
    EXPECT_TRUE(config.peers.empty());
    EXPECT_EQ(config.founding_nodes, nodes);
  }
}

// How many addresses a name has says nothing; and one node alone would found a cluster before it has met
// others.
TEST(Config, WithANameTheFoundingNumberIsGiven) {
  Sources sources = with("PEERS", "dns:nodes:7443");
  const auto complaint_of_it = [&] {
    const LoadedConfig loaded = make_config(sources);
    EXPECT_EQ(loaded.errors.size(), 1U);
    return loaded.errors.empty() ? "" : loaded.errors[0];
  };
  EXPECT_EQ(
      complaint_of_it(),
      "PATRONUS_FOUNDING_NODES='' is not set, but PATRONUS_PEERS='dns:nodes:7443' needs it; use how many "
      "nodes begin the cluster, 2 to 7");
  for (const char* value : {"", "0", "1", "8", "-3", "3 ", "three"}) {
    sources.flags["FOUNDING_NODES"] = value;
    const std::string line = complaint_of_it();
    EXPECT_TRUE(line.starts_with("PATRONUS_FOUNDING_NODES='" + std::string(value) + "' ")) << line;
    EXPECT_NE(line.find("PATRONUS_PEERS='dns:nodes:7443'"), std::string::npos) << line;
    EXPECT_NE(line.find("2 to 7"), std::string::npos) << line;
  }
}

// A pod's name is one that only the pod itself can resolve.
TEST(Config, WithANameANodeTellsOthersTheOneAddressItHas) {
  const auto told = [](const std::vector<std::string>& own, const std::string& peers, const char* listens) {
    Sources sources;
    sources.flags = {
        {"NODE_ID", "a"},        {"TLS_CERT", "c"},
        {"TLS_KEY", "k"},        {"PEER_CA", "ca"},
        {"PEERS", peers},        {"PEER_ADDR", listens},
        {"FOUNDING_NODES", "2"}, {"CLUSTER_SECRET", good().flags.find("CLUSTER_SECRET")->second}};
    sources.host_name = "pod-0";
    sources.own_addresses = own;
    return config_of(sources).advertised_peer;
  };
  const std::string name = "dns:nodes:7443";
  EXPECT_EQ(told({"10.1.2.3"}, name, "0.0.0.0:7443"), "10.1.2.3:7443");
  EXPECT_EQ(told({"10.1.2.3", "fd00::3"}, name, "0.0.0.0:7443"), "10.1.2.3:7443");
  EXPECT_EQ(told({"fd00::3"}, name, "[::]:7443"), "[fd00::3]:7443");
  EXPECT_EQ(told({"10.1.2.3", "172.17.0.1"}, name, "0.0.0.0:7443"), "pod-0:7443") << "which one is not known";
  EXPECT_EQ(told({}, name, "0.0.0.0:7443"), "pod-0:7443");
  EXPECT_EQ(told({"10.1.2.3"}, name, "10.9.9.9:7443"), "10.9.9.9:7443") << "as it was told";
  EXPECT_EQ(told({"10.1.2.3"}, "b=h:1", "0.0.0.0:7443"), "pod-0:7443");
}

TEST(Config, AClusterHasABound) {
  std::string peers = "n0=h:1";
  for (size_t i = 1; i + 1 < limits::kMembersMax; ++i) peers += ",n" + std::to_string(i) + "=h:1";
  EXPECT_EQ(config_of(with("PEERS", peers)).founding_nodes, limits::kMembersMax);
  EXPECT_NE(complaint("PEERS", peers + ",more=h:1").find("at most 7"), std::string::npos);
}

TEST(Settings, HaveFlagsAndVariables) {
  for (const Setting& setting : settings()) {
    EXPECT_EQ(setting.variable(), "PATRONUS_" + std::string(setting.name));
    EXPECT_FALSE(setting.help.empty());
  }
  EXPECT_EQ((Setting{"ELECTION_TIMEOUT", "", ""}.flag()), "--election-timeout");
}

TEST(Duration, HasUnitsAndMeansSecondsWithoutOne) {
  EXPECT_EQ(parse_duration("5"), 5s);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0"), 0s);
}

TEST(Duration, IsNothingElse) {
  for (const char* text : {"", "s", "ms", "-1", "-1s", "+1", " 1", "1 ", "1 s", "1.5s", "1S", "1us", "1d",
                           "0x5", "1e3", "99999999999h", "99999999999999999999", "9223372036854775807"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

RC_GTEST_PROP(Duration, IsReadAsItIsWritten, ()) {
  const std::chrono::milliseconds duration(*rc::gen::inRange<int64_t>(0, 10'000'000));
  RC_ASSERT(parse_duration(format_duration(duration)) == duration);
}

RC_GTEST_PROP(Duration, SurvivesAnyText, (const std::string& text)) {
  if (const auto duration = parse_duration(text)) RC_ASSERT(*duration >= Duration{0});
}

TEST(AddressText, IsHostAndPort) {
  EXPECT_EQ(parse_address("example.org:80"), (Address{"example.org", 80}));
  EXPECT_EQ(parse_address("10.0.0.1:65535"), (Address{"10.0.0.1", 65535}));
  EXPECT_EQ(parse_address("[fe80::1%eth0]:1"), (Address{"fe80::1%eth0", 1}));
}

TEST(AddressText, IsNothingElse) {
  for (const char* text : {"",      ":",     "a",      "a:",     ":1",     "a:0",  "a:65536", "a:99999999999",
                           "a:-1",  "a:+1",  "a: 1",   "a:1 ",   "::1:80", "[]:1", "[a]:1",   "[::1]",
                           "a b:1", "a/b:1", "[::1:1", "::1]:1", "a\n:1"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string(limits::kAddressBytesMax, 'a') + ":1"));
}

RC_GTEST_PROP(AddressText, IsReadAsItIsWritten, ()) {
  const std::string host = *rc::gen::element<std::string>("h", "a.b-c_d", "::1", "fe80::1%eth0", "127.0.0.1");
  const Address address{host, *rc::gen::inRange<uint16_t>(1, 65535)};
  RC_ASSERT(parse_address(address.text()) == address);
}

RC_GTEST_PROP(AddressText, SurvivesAnyText, (const std::string& text)) {
  if (const auto address = parse_address(text + ":80")) RC_ASSERT(parse_address(address->text()) == address);
}

// ---- Files and environment.

class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() {
    std::string pattern = ::testing::TempDir() + "patronus-config-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ConfigFiles() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& content) {
    const std::string path = directory_ + "/file";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  void environment(std::vector<std::string> lines) {
    std::vector<const char*> pointers;
    for (const std::string& line : lines) pointers.push_back(line.c_str());
    pointers.push_back(nullptr);
    read_environment(pointers.data(), sources_, errors_, unknown_);
  }

  std::string directory_;
  Sources sources_;
  std::vector<std::string> errors_;
  std::vector<std::string> unknown_;
};

TEST_F(ConfigFiles, VariablesAreTaken) {
  environment({"PATH=/bin", "PATRONUS_NODE_ID=a", "PATRONUS_PEERS=b=h:1,c=h:2", "PATRONUS_LOG_LEVEL="});
  EXPECT_EQ(sources_.environment.find("NODE_ID")->second, "a");
  EXPECT_EQ(sources_.environment.find("PEERS")->second, "b=h:1,c=h:2");
  EXPECT_EQ(sources_.environment.find("LOG_LEVEL")->second, "");
  EXPECT_EQ(sources_.environment.size(), 3U);
  EXPECT_TRUE(errors_.empty());
  EXPECT_TRUE(unknown_.empty());
}

// Kubernetes puts PATRONUS_PORT and the like there for a service of that name: named, but no error.
TEST_F(ConfigFiles, UnknownVariablesAreNamedOnly) {
  environment({"PATRONUS_SERVICE_HOST=10.0.0.1", "PATRONUS_NODE_ID=a", "PATRONUS_X_FILE=/nowhere"});
  EXPECT_EQ(unknown_, (std::vector<std::string>{"PATRONUS_SERVICE_HOST", "PATRONUS_X_FILE"}));
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ConfigFiles, AnEnvironmentMayBeMissing) {
  read_environment(nullptr, sources_, errors_, unknown_);
  EXPECT_TRUE(sources_.environment.empty());
}

TEST_F(ConfigFiles, AFilesContentIsTheValueWithoutItsLineEnd) {
  for (const char* content : {"a", "a\n", "a\r\n"}) {
    sources_ = {};
    environment({"PATRONUS_NODE_ID_FILE=" + file(content)});
    EXPECT_EQ(sources_.environment.find("NODE_ID")->second, "a");
  }
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ConfigFiles, AFileThatIsNotThereIsAnError) {
  environment({"PATRONUS_NODE_ID_FILE=" + directory_ + "/none"});
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0], "PATRONUS_NODE_ID_FILE='" + directory_ +
                            "/none' can't be read; name a readable file of at most 64 KiB");
}

TEST_F(ConfigFiles, AFileThatIsTooLargeIsAnError) {
  environment({"PATRONUS_NODE_ID_FILE=" + file(std::string(64 * 1024 + 1, 'a'))});
  EXPECT_EQ(errors_.size(), 1U);
}

// An operator's slip, so it must be a line and not the end of the process.
TEST_F(ConfigFiles, ADirectoryInPlaceOfAFileIsAnError) {
  EXPECT_NO_THROW(environment({"PATRONUS_NODE_ID_FILE=" + directory_}));
  EXPECT_EQ(errors_.size(), 1U);
}

TEST_F(ConfigFiles, ADirectoryInPlaceOfAConfigurationIsAnError) {
  EXPECT_NO_THROW(read_config_file(directory_, sources_, errors_));
  EXPECT_EQ(errors_.size(), 1U);
}

// Whichever of the two comes first in the environment that was given.
TEST_F(ConfigFiles, AValueAndItsFileAtOnceAreAnError) {
  const std::string path = file("b");
  environment({"PATRONUS_NODE_ID=a", "PATRONUS_NODE_ID_FILE=" + path});
  EXPECT_EQ(errors_.size(), 1U);
  environment({"PATRONUS_LOG_LEVEL_FILE=" + path, "PATRONUS_LOG_LEVEL=info"});
  EXPECT_EQ(errors_.size(), 2U);
}

TEST_F(ConfigFiles, AConfigurationFileHasLinesBlanksAndComments) {
  read_config_file(file("# mine\n\nPATRONUS_NODE_ID=a\n  PATRONUS_PEERS = b=h:1 \r\nPATRONUS_LOG_LEVEL=warn"),
                   sources_, errors_);
  EXPECT_TRUE(errors_.empty());
  EXPECT_EQ(sources_.file.find("NODE_ID")->second, "a");
  EXPECT_EQ(sources_.file.find("PEERS")->second, "b=h:1");
  EXPECT_EQ(sources_.file.find("LOG_LEVEL")->second, "warn");
}

// A misspelt name would else be a setting silently left at its default.
TEST_F(ConfigFiles, UnknownLinesAreErrorsWithTheirPlace) {
  const std::string path = file("PATRONUS_NODE_ID=a\nPATRONUS_NODEID=b\nLOG_LEVEL=info\nnonsense\n");
  read_config_file(path, sources_, errors_);
  ASSERT_EQ(errors_.size(), 3U);
  EXPECT_TRUE(errors_[0].starts_with(path + ":2: 'PATRONUS_NODEID=b' ")) << errors_[0];
  EXPECT_TRUE(errors_[1].starts_with(path + ":3: ")) << errors_[1];
  EXPECT_TRUE(errors_[2].starts_with(path + ":4: ")) << errors_[2];
}

TEST_F(ConfigFiles, ASettingGivenTwiceIsAnError) {
  const std::string path = file("PATRONUS_NODE_ID=a\nPATRONUS_NODE_ID=b\n");
  read_config_file(path, sources_, errors_);
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_TRUE(errors_[0].starts_with(path + ":2: ")) << errors_[0];
}

TEST_F(ConfigFiles, AConfigurationFileThatIsNotThereIsAnError) {
  read_config_file(directory_ + "/none", sources_, errors_);
  EXPECT_EQ(errors_.size(), 1U);
}

}  // namespace
}  // namespace patronus::config_test
