// Certificates: what is made holds what was asked for, what is read is checked, and files that change are
// taken up when, and only when, they are good.
#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/base/limits.h"
#include "io/tls/complaints.h"
#include "io/tls/watch.h"
#include "tests/tls_fixture.h"

namespace patronus::tls::tls_certificate_test {
namespace {

Certificate parse(const std::string& pem) {
  return std::move(std::get<std::vector<Certificate>>(parse_certificates(pem)).front());
}

TEST(Issue, HoldsWhatWasAskedFor) {
  const TestAuthority authority;
  const Validity validity = days(-1, 5);
  const auto made =
      authority.issue({"dashboard1", "dashboard1", {"example.org", "10.0.0.1", "::1"}, validity});
  const CertificateInfo info = describe(parse(made.certificate).get());
  EXPECT_EQ(info.node, "dashboard1");
  EXPECT_EQ(info.subject, "CN=dashboard1,O=Patronus");
  EXPECT_EQ(info.issuer, "CN=Test CA,O=Patronus");
  EXPECT_EQ(info.names, (std::vector<std::string>{"dashboard1", "example.org", "10.0.0.1", "::1"}));
  EXPECT_EQ(info.not_before, validity.not_before);
  EXPECT_EQ(info.not_after, validity.not_after);
  EXPECT_EQ(info.key, "EC P-256");
  EXPECT_EQ(info.serial.size(), 32U);
  EXPECT_FALSE(info.is_authority);
  EXPECT_TRUE(describe(parse(authority.certificate()).get()).is_authority);
}

TEST(Issue, SaysWhereTheListOfRevokedOnesIs) {
  const TestAuthority authority;
  Request request{"a", "a", {}, days(-1, 5)};
  EXPECT_EQ(describe(parse(authority.issue(request).certificate).get()).crl_url, "");
  request.crl_url = "https://example.org:8443/pki/ca.crl?a=b,c;d";
  EXPECT_EQ(describe(parse(authority.issue(request).certificate).get()).crl_url, request.crl_url);
}

TEST(CertificateNames, UrlsOfLists) {
  for (const char* url :
       {"http://a", "https://a/b", "https://[::1]:8443/pki/ca.crl", "https://a/%20?x=1,2&y"}) {
    EXPECT_TRUE(is_crl_url(url)) << url;
  }
  for (const char* url :
       {"", "a", "ftp://a", "https://", "https:///a", "https://a b", "https://a\n", "https://\xc3\xa9"}) {
    EXPECT_FALSE(is_crl_url(url)) << url;
  }
  EXPECT_FALSE(is_crl_url("https://a/" + std::string(1024, 'x')));
}

TEST(Issue, EverySerialIsAnother) {
  const TestAuthority authority;
  const auto serial = [&] { return describe(parse(authority.node("a").certificate).get()).serial; };
  EXPECT_NE(serial(), serial());
}

// A node id that may not be a DNS name is proven all the same.
TEST(Issue, AnyNodeIdIsProven) {
  const TestAuthority authority;
  for (const std::string& id :
       std::vector<std::string>{"a", "A.b_c-", "127.0.0.1", "-", "..", std::string(63, 'x')}) {
    const auto made = authority.issue({id, id, {}, days(-1, 1)});
    const Certificate certificate = parse(made.certificate);
    EXPECT_EQ(node_of(certificate.get()), id);
    EXPECT_EQ(describe(certificate.get()).names.size(), is_dns_name(id) ? 1U : 0U) << id;
  }
}

TEST(Issue, WithoutANodeNoneIsProven) {
  const TestAuthority authority;
  const auto made = authority.issue({"ha", "", {"ha.example.org"}, days(-1, 1)});
  EXPECT_FALSE(node_of(parse(made.certificate).get()));
}

TEST(CertificateNames, DnsAndAddresses) {
  for (const char* name : {"a", "a-b.c", "*.example.org", "1a.2b", "xn--bcher-kva.example"}) {
    EXPECT_TRUE(is_dns_name(name)) << name;
  }
  for (const char* name :
       {"", ".", "a.", ".a", "-a", "a-", "a_b", "a b", "*", "*.", "a.*.b", "1.2.3.4", "a..b"}) {
    EXPECT_FALSE(is_dns_name(name)) << name;
  }
  EXPECT_FALSE(is_dns_name(std::string(64, 'a')));
  EXPECT_TRUE(is_ip_address("10.0.0.1") && is_ip_address("fe80::1"));
  EXPECT_FALSE(is_ip_address("10.0.0") || is_ip_address("a"));
}

TEST(CertificateTimes, AreReadAsTheyAreWritten) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(parse_time("2027-01-31T12:00:01Z"), 1801396801);
  for (const char* text : {"", "2027-01-31", "2027-02-30T00:00:00Z", "2027-01-31T12:00:01", "x"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

RC_GTEST_PROP(Pem, AnyTextIsReadOrRefused, (const std::string& text)) {
  (void)parse_certificates(text);
  (void)parse_private_key(text);
  (void)parse_certificates("-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n");
}

// ---- Files.

class CredentialFilesTest : public ::testing::Test {
 protected:
  CredentialFilesTest() {
    put(authority_.node("a"));
    directory_.put("ca", authority_.certificate());
  }

  void put(const KeyAndCertificate& pem) {
    directory_.put("cert", pem.certificate);
    directory_.put("key", pem.key);
  }
  CredentialFiles files() const {
    return {{"PATRONUS_PEER_CERT", directory_.file("cert")},
            {"PATRONUS_PEER_KEY", directory_.file("key")},
            {"PATRONUS_PEER_CA", directory_.file("ca")},
            "a"};
  }
  // The line that reading gives; it names the variable, the path and what would do.
  std::string complaint(const std::string& variable, const std::string& file) const {
    const auto read = read_credentials(files());
    const auto* line = std::get_if<std::string>(&read);
    if (line == nullptr) return "";
    EXPECT_TRUE(line->starts_with(variable + "='" + directory_.file(file) + "' ")) << *line;
    EXPECT_NE(line->find("; use "), std::string::npos) << *line;
    return *line;
  }

  TestAuthority authority_;
  Directory directory_;
};

TEST_F(CredentialFilesTest, GoodFilesAreTaken) { EXPECT_EQ(read_credentials(files()).index(), 0U); }

TEST_F(CredentialFilesTest, ARsaKeyIsAsGood) {
  const PrivateKey key(EVP_RSA_gen(2048));
  const BioHandle out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  EXPECT_EQ(parse_private_key(bio_contents(out.get())).index(), 0U);
}

TEST_F(CredentialFilesTest, WhatIsMissingIsSaid) {
  std::filesystem::remove(directory_.file("cert"));
  EXPECT_NE(complaint("PATRONUS_PEER_CERT", "cert").find("No such file"), std::string::npos);
}

TEST_F(CredentialFilesTest, ADirectoryIsNoFile) {
  std::filesystem::remove(directory_.file("key"));
  std::filesystem::create_directory(directory_.file("key"));
  EXPECT_NE(complaint("PATRONUS_PEER_KEY", "key").find("can't be read"), std::string::npos);
}

TEST_F(CredentialFilesTest, GarbageIsRefused) {
  directory_.put("cert", "hello");
  EXPECT_NE(complaint("PATRONUS_PEER_CERT", "cert").find("no certificate"), std::string::npos);
  directory_.put("cert", authority_.node("a").certificate.substr(0, 300));
  complaint("PATRONUS_PEER_CERT", "cert");
  put(authority_.node("a"));
  directory_.put("key", "hello");
  EXPECT_NE(complaint("PATRONUS_PEER_KEY", "key").find("no private key"), std::string::npos);
  directory_.put("key", std::string(limits::kTlsFileBytesMax + 1, 'x'));
  EXPECT_NE(complaint("PATRONUS_PEER_KEY", "key").find("too large"), std::string::npos);
}

TEST_F(CredentialFilesTest, AKeyBehindAPassphraseIsRefused) {
  const PrivateKey key(EVP_EC_gen("P-256"));
  const BioHandle out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(
      PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr),
      1);
  directory_.put("key", std::string(bio_contents(out.get())));
  EXPECT_NE(complaint("PATRONUS_PEER_KEY", "key").find("passphrase"), std::string::npos);
}

TEST_F(CredentialFilesTest, AKeyOfAnotherCertificateIsRefused) {
  directory_.put("key", authority_.node("a").key);
  EXPECT_NE(complaint("PATRONUS_PEER_KEY", "key").find("is not the key of"), std::string::npos);
}

TEST_F(CredentialFilesTest, ACertificateOfAnotherNodeIsRefused) {
  put(authority_.node("b"));
  const std::string line = complaint("PATRONUS_PEER_CERT", "cert");
  EXPECT_NE(line.find("is the certificate of node b, this is a"), std::string::npos) << line;
}

TEST_F(CredentialFilesTest, ALeafIsNoAuthority) {
  directory_.put("ca", authority_.node("a").certificate);
  EXPECT_NE(complaint("PATRONUS_PEER_CA", "ca").find("no authority's"), std::string::npos);
}

// ---- Changes.

class WatchTest : public CredentialFilesTest {
 protected:
  WatchTest() : watch_(Role::kPeer, files()) { EXPECT_EQ(watch_.load().index(), 0U); }

  std::optional<CertificateWatch::Found> look() { return watch_.look(std::time(nullptr)); }

  CertificateWatch watch_;
};

TEST_F(WatchTest, NothingHasChanged) {
  EXPECT_FALSE(look());
  EXPECT_FALSE(look());
}

TEST_F(WatchTest, AGoodChangeIsTakenUpOnce) {
  put(authority_.node("a", days(-1, 99)));
  const auto found = look();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->is_error);
  ASSERT_TRUE(found->fresh);
  EXPECT_GT(found->fresh->not_after(), days(0, 98).not_after);
  EXPECT_NE(found->line.find("has changed"), std::string::npos);
  EXPECT_FALSE(look());
}

// Between the two files of a change there is a moment, which is nobody's error.
TEST_F(WatchTest, HalfAChangeIsWaitedFor) {
  const KeyAndCertificate next = authority_.node("a");
  directory_.put("key", next.key);
  EXPECT_FALSE(look());
  directory_.put("cert", next.certificate);
  const auto found = look();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->fresh);
}

TEST_F(WatchTest, ABadChangeIsComplainedOfOnce) {
  directory_.put("key", "garbage");
  EXPECT_FALSE(look());
  const auto found = look();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_error);
  EXPECT_FALSE(found->fresh);
  EXPECT_NE(found->line.find("stays in use"), std::string::npos);
  EXPECT_FALSE(look());
  put(authority_.node("a"));
  EXPECT_TRUE(look()->fresh) << "what is mended is taken up";
}

TEST_F(WatchTest, ACertificateThatBecomesValidIsTakenUpByItself) {
  const int64_t now = std::time(nullptr);
  put(authority_.node("a", days(1, 99)));
  EXPECT_FALSE(look());
  EXPECT_TRUE(look()->is_error);
  EXPECT_FALSE(watch_.look(now + 3'600)) << "complained of once";
  const auto found = watch_.look(now + 2 * 86'400);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->fresh);
}

TEST_F(WatchTest, MissingFilesAreComplainedOf) {
  for (const char* name : {"cert", "key", "ca"}) std::filesystem::remove(directory_.file(name));
  EXPECT_FALSE(look());
  ASSERT_TRUE(look());
  EXPECT_FALSE(look());
}

TEST_F(WatchTest, AnExpiredCertificateIsNoGoodChange) {
  put(authority_.node("a", days(-9, -1)));
  EXPECT_FALSE(look());
  const auto found = look();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_error);
  EXPECT_NE(found->line.find("expired on"), std::string::npos) << found->line;
}

TEST_F(WatchTest, AnotherAuthorityIsTakenUpToo) {
  directory_.put("ca", authority_.certificate() + TestAuthority("Next CA").certificate());
  const auto found = look();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->fresh);
}

// ---- Complaints.

using namespace std::chrono_literals;

TEST(Complaints, TheSameIsSaidOnceAMinute) {
  Complaints complaints;
  const Instant start{1'000'000'000'000};
  EXPECT_EQ(complaints.admit("a scanner", start), "a scanner");
  for (int i = 1; i < 60; ++i) EXPECT_FALSE(complaints.admit("a scanner", start + i * 1s));
  EXPECT_EQ(complaints.admit("a scanner", start + 60s), "a scanner (59 such lines were held back before)");
}

TEST(Complaints, ManyDifferentOnesAreBounded) {
  Complaints complaints;
  int said = 0;
  for (int i = 0; i < 100'000; ++i) {
    said += complaints.admit("from " + std::to_string(i), Instant{1'000'000'000'000} + i * 1ms) ? 1 : 0;
  }
  EXPECT_GE(said, 20);
  EXPECT_LE(said, 20 + 100 / 3 + 1);
}

}  // namespace
}  // namespace patronus::tls::tls_certificate_test
