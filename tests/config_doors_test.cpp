// Where a node serves and with which certificates: what is encrypted may be served anywhere, what is not on
// loopback only, and half a set of files is one clear line.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "io/config/config.h"

namespace patronus::config_doors_test {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

LoadedConfig load(const Values& values, const std::string& host_name = "host1") {
  Sources sources;
  sources.flags = values;
  sources.flags.emplace("NODE_ID", "a");
  sources.flags.emplace("CLUSTER_SECRET", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  sources.host_name = host_name;
  return make_config(sources);
}

Config good(const Values& values, const std::string& host_name = "host1") {
  const LoadedConfig loaded = load(values, host_name);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors[0];
  return loaded.config;
}

// The one line that these values give.
std::string complaint(const Values& values, const std::string& host_name = "host1") {
  const LoadedConfig loaded = load(values, host_name);
  EXPECT_EQ(loaded.errors.size(), 1U) << (loaded.errors.empty() ? "" : loaded.errors[1]);
  if (loaded.errors.empty()) return "";
  EXPECT_NE(loaded.errors[0].find("; "), std::string::npos) << "it does not say what would do";
  return loaded.errors[0];
}

const Values kTls{{"TLS_CERT", "/c"}, {"TLS_KEY", "/k"}, {"PEER_CA", "/ca"}};

Values with(Values values, const std::string& name, const std::string& value) {
  values[name] = value;
  return values;
}
Values without(Values values, const std::string& name) {
  values.erase(name);
  return values;
}

TEST(Revocations, AreCheckedAgainstTheAuthorityOfPeers) {
  EXPECT_FALSE(good(kTls).revocations);
  const Config config = good(with(kTls, "TLS_CRL", "/crl"));
  ASSERT_TRUE(config.revocations);
  EXPECT_EQ(config.revocations->path, "/crl");
  EXPECT_EQ(config.revocations->variable, "PATRONUS_TLS_CRL");
  EXPECT_TRUE(complaint(with(without(kTls, "PEER_CA"), "TLS_CRL", "/crl"))
                  .starts_with("PATRONUS_TLS_CRL='/crl' can't"));
  complaint(with(kTls, "TLS_CRL", "-----BEGIN X509 CRL-----"));
}

TEST(Doors, WithCertificatesAreOpenToAll) {
  const Config config = good(kTls);
  EXPECT_EQ(config.listen_https, (Address{"0.0.0.0", 8443}));
  EXPECT_EQ(config.peer_address, (Address{"0.0.0.0", 7443}));
  EXPECT_FALSE(config.listen_plain);
  ASSERT_TRUE(config.https_tls && config.peer_tls);
  EXPECT_EQ(config.https_tls->certificate.path, "/c");
  EXPECT_EQ(config.https_tls->key.path, "/k");
  EXPECT_EQ(config.https_tls->authority.path, "") << "clients need no certificate";
  EXPECT_EQ(config.peer_tls->certificate.path, "/c");
  EXPECT_EQ(config.peer_tls->key.path, "/k");
  EXPECT_EQ(config.peer_tls->authority.path, "/ca");
}

TEST(Doors, WithoutCertificatesAreOnLoopback) {
  const Config config = good({{"LISTEN_PLAIN", "127.0.0.1:8081"}});
  EXPECT_FALSE(config.listen_https || config.https_tls || config.peer_tls);
  EXPECT_EQ(config.peer_address, (Address{"127.0.0.1", 7443}));
  EXPECT_EQ(config.advertised_api, "127.0.0.1:8081");
  EXPECT_EQ(config.advertised_peer, "127.0.0.1:7443");
}

TEST(Doors, PlainHttpMayBeServedBesides) {
  const Config config = good(with(kTls, "LISTEN_PLAIN", "127.0.0.1:8081"));
  EXPECT_EQ(config.listen_plain, (Address{"127.0.0.1", 8081}));
  EXPECT_TRUE(config.listen_https);
  EXPECT_FALSE(good(with(kTls, "LISTEN_PLAIN", "off")).listen_plain);
  EXPECT_NE(complaint(with(kTls, "LISTEN_PLAIN", "0.0.0.0:8081")).find("loopback"), std::string::npos);
}

TEST(Doors, NothingToServeIsAnError) {
  const std::string line = complaint({});
  EXPECT_TRUE(line.starts_with("PATRONUS_LISTEN_PLAIN='' is not set")) << line;
  EXPECT_NE(line.find("patronusctl tls init"), std::string::npos) << line;
}

TEST(Doors, HttpsAloneLeavesPeersOnLoopback) {
  const Config config = good(without(kTls, "PEER_CA"));
  EXPECT_EQ(config.peer_address, (Address{"127.0.0.1", 7443}));
  EXPECT_FALSE(config.peer_tls);
  const std::string line = complaint(with(without(kTls, "PEER_CA"), "PEER_ADDR", "0.0.0.0:7443"));
  EXPECT_NE(line.find("PATRONUS_PEER_CA"), std::string::npos) << line;
}

TEST(Doors, PeersMayHaveACertificateOfTheirOwn) {
  Values values = with(with(kTls, "PEER_CERT", "/pc"), "PEER_KEY", "/pk");
  EXPECT_EQ(good(values).peer_tls->certificate.variable, "PATRONUS_PEER_CERT");
  EXPECT_EQ(good(values).peer_tls->key.path, "/pk");
  values = {{"LISTEN_PLAIN", "127.0.0.1:1"}, {"PEER_CA", "/ca"}, {"PEER_CERT", "/pc"}, {"PEER_KEY", "/pk"}};
  EXPECT_EQ(good(values).peer_tls->certificate.path, "/pc");
  EXPECT_FALSE(good(values).https_tls);
}

TEST(Doors, HalfASetIsOneLine) {
  EXPECT_TRUE(complaint(without(kTls, "TLS_KEY"))
                  .starts_with("PATRONUS_TLS_KEY='' is not set, but PATRONUS_TLS_CERT is"));
  EXPECT_TRUE(complaint(without(kTls, "TLS_CERT"))
                  .starts_with("PATRONUS_TLS_CERT='' is not set, but PATRONUS_TLS_KEY is"));
  EXPECT_TRUE(complaint(with(kTls, "PEER_CERT", "/pc"))
                  .starts_with("PATRONUS_PEER_KEY='' is not set, but PATRONUS_PEER_CERT is"));
  EXPECT_TRUE(complaint(with(kTls, "PEER_KEY", "/pk"))
                  .starts_with("PATRONUS_PEER_CERT='' is not set, but PATRONUS_PEER_KEY is"));
  const Values own{{"LISTEN_PLAIN", "127.0.0.1:1"}, {"PEER_CERT", "/pc"}, {"PEER_KEY", "/pk"}};
  EXPECT_TRUE(complaint(own).starts_with("PATRONUS_PEER_CA='' is not set, but PATRONUS_PEER_CERT is"));
  const Values only_ca{{"LISTEN_PLAIN", "127.0.0.1:1"}, {"PEER_CA", "/ca"}};
  EXPECT_TRUE(complaint(only_ca).starts_with("PATRONUS_PEER_CERT='' is not set"));
  const Values only_address{{"LISTEN_PLAIN", "127.0.0.1:1"}, {"NODE_ADDR", "0.0.0.0:8443"}};
  EXPECT_TRUE(complaint(only_address).starts_with("PATRONUS_NODE_ADDR='0.0.0.0:8443' is for HTTPS"));
}

// PATRONUS_TLS_KEY_FILE=/the/key makes the key itself the value. It must not be shown to whoever reads logs.
TEST(Doors, AKeyInPlaceOfItsFileIsRefusedAndNotShown) {
  for (const char* name : {"TLS_CERT", "TLS_KEY", "PEER_CA"}) {
    const std::string line = complaint(with(kTls, name, "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n"));
    EXPECT_EQ(line.find("MIGH"), std::string::npos) << line;
    EXPECT_TRUE(line.starts_with("PATRONUS_" + std::string(name) + " ")) << line;
  }
}

TEST(Advertised, IsTheServedAddressOrTheHostsName) {
  EXPECT_EQ(good(kTls).advertised_api, "host1:8443");
  EXPECT_EQ(good(kTls).advertised_peer, "host1:7443");
  EXPECT_EQ(good(with(kTls, "NODE_ADDR", "[::]:9443")).advertised_api, "host1:9443");
  EXPECT_EQ(good(with(kTls, "NODE_ADDR", "10.0.0.1:9443")).advertised_api, "10.0.0.1:9443");
  EXPECT_EQ(good(with(kTls, "ADVERTISE_ADDR", "d.example.org:443")).advertised_api, "d.example.org:443");
  for (const char* address : {"", "host", "0.0.0.0:1", "[::]:1"}) {
    EXPECT_TRUE(complaint(with(kTls, "ADVERTISE_ADDR", address)).starts_with("PATRONUS_ADVERTISE_ADDR='"));
  }
  EXPECT_TRUE(complaint(kTls, "").starts_with("PATRONUS_ADVERTISE_ADDR='' is not set"));
}

TEST(Advertised, APeerIsReachedWhereThePeersLookForIt) {
  const Config config = good(with(kTls, "PEERS", "a=node-a.example.org:7443,b=node-b.example.org:7443"));
  EXPECT_EQ(config.advertised_peer, "node-a.example.org:7443");
}

// Without names a node that listens everywhere knows itself by its host's name.
TEST(Advertised, ANodeFindsItselfAmongPeersWithoutNames) {
  for (const char* own : {"host1:7443", "host1.cluster.local:7443"}) {
    const Config config = good(with(kTls, "PEERS", std::string(own) + ",host2:7443,host10:7443"));
    EXPECT_EQ(config.peers.size(), 2U) << own;
    EXPECT_EQ(config.advertised_peer, own);
  }
}

// ---- The cluster's secret.

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

TEST(ClusterSecretSetting, IsReadFromHexAndBase64url) {
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes += c;
  EXPECT_EQ(good(with(kTls, "CLUSTER_SECRET", kHex)).cluster_secret, bytes);
  const std::string base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
  EXPECT_EQ(good(with(kTls, "CLUSTER_SECRET", base64)).cluster_secret, bytes);
  EXPECT_EQ(good(with(kTls, "CLUSTER_SECRET", base64 + "=")).cluster_secret, bytes);
  Sources none;
  none.flags = {{"NODE_ID", "a"}, {"LISTEN_PLAIN", "127.0.0.1:8081"}};
  const LoadedConfig loaded = make_config(none);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_TRUE(loaded.errors[0].starts_with("PATRONUS_CLUSTER_SECRET (not shown here) is not set; "))
      << loaded.errors[0];
}

TEST(ClusterSecretSetting, IsRefusedAndNotShownWhenItIsNone) {
  for (const std::string& text : {std::string(), std::string("hunter2"), kHex.substr(2), std::string(64, '0'),
                                  kHex + "!", kHex + " ", std::string(400, 'a')}) {
    const std::string line = complaint(with(kTls, "CLUSTER_SECRET", text));
    EXPECT_TRUE(line.starts_with("PATRONUS_CLUSTER_SECRET (not shown here) is not a secret; use 32")) << line;
    if (!text.empty()) {
      EXPECT_EQ(line.find(text), std::string::npos) << line;
    }
  }
}

RC_GTEST_PROP(ClusterSecretSetting, SurvivesAnyText, (const std::string& text)) {
  const LoadedConfig loaded = load(with(kTls, "CLUSTER_SECRET", text));
  RC_ASSERT(loaded.errors.size() <= 1U);
}

}  // namespace
}  // namespace patronus::config_doors_test
