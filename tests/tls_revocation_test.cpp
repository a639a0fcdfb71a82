// Revoked certificates: lists are what was asked for and are checked against the authority; what changes on
// disk is taken up when it is good; and who shows a revoked certificate is refused, by either end and also
// later.
#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/base/limits.h"
#include "io/tls/revocation_watch.h"
#include "tests/tls_fixture.h"

namespace patronus::tls::tls_revocation_test {
namespace {

Certificate parse(const std::string& pem) {
  return std::move(std::get<std::vector<Certificate>>(parse_certificates(pem)).front());
}

ListRequest request(int64_t number, std::vector<RevokedCertificate> revoked,
                    int64_t until = days(0, 30).not_after) {
  return {number, std::time(nullptr), until, std::move(revoked)};
}

// ---- Lists.

TEST(List, HoldsWhatWasAskedFor) {
  const TestAuthority authority;
  const KeyAndCertificate a = authority.node("a");
  const KeyAndCertificate b = authority.node("b");
  const std::string pem = authority.list(request(7, {{serial_of(a), 1'700'000'000}, {"0A", 2'600'000'000}}));
  const auto parsed = parse_lists(pem);
  const X509_CRL* list = std::get<std::vector<Crl>>(parsed).front().get();
  EXPECT_EQ(X509_CRL_get_version(list), 1) << "version 2";
  const RevocationInfo info = describe(list);
  EXPECT_EQ(info.issuer, "CN=Test CA,O=Patronus");
  EXPECT_EQ(info.number, 7);
  EXPECT_EQ(info.next_update, days(0, 30).not_after);
  ASSERT_EQ(info.revoked.size(), 2U);
  const auto made = lists(pem, authority.certificate());
  EXPECT_EQ(made->revoked_at(parse(a.certificate).get()), 1'700'000'000);
  EXPECT_EQ(made->revoked_at(parse(b.certificate).get()), std::nullopt);
  EXPECT_EQ(made->revoked_count(), 2U);
  EXPECT_EQ(made->next_update(), info.next_update);
}

TEST(List, MayBeEmpty) {
  const TestAuthority authority;
  const auto made = lists(authority.list(request(1, {})), authority.certificate());
  EXPECT_EQ(made->revoked_count(), 0U);
  EXPECT_FALSE(made->revoked_at(parse(authority.node("a").certificate).get()));
}

TEST(List, IsPublishedInDer) {
  const TestAuthority authority;
  const std::string der =
      lists(authority.list(request(1, {{"AB", 5}})), authority.certificate())->published();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Crl read(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  ASSERT_TRUE(read);
  EXPECT_EQ(describe(read.get()).revoked.front().serial, "AB");
}

// The serial of one authority says nothing about the certificates of another.
TEST(List, IsAboutItsOwnAuthorityAlone) {
  const TestAuthority one("One CA");
  const TestAuthority other("Other CA");
  const KeyAndCertificate node = other.node("a");
  const auto made = lists(one.list(request(1, {{serial_of(node), 5}})), one.certificate());
  EXPECT_FALSE(made->revoked_at(parse(node.certificate).get()));
}

TEST(List, OfAnotherAuthorityIsRefused) {
  const TestAuthority authority;
  for (const char* name : {"Other CA", "Test CA"}) {  // a name alone proves nothing
    const TestAuthority other(name);
    auto made = RevocationLists::make(
        std::get<std::vector<Crl>>(parse_lists(other.list(request(1, {})))),
        std::get<std::vector<Certificate>>(parse_certificates(authority.certificate())));
    ASSERT_EQ(made.index(), 1U) << name;
    EXPECT_TRUE(std::get<std::string>(made).starts_with("holds a list that none of the authorities signed"));
  }
}

// While one authority takes the other's place there is a list of each.
TEST(List, ThereMayBeOneOfEachAuthority) {
  const TestAuthority one("One CA");
  const TestAuthority other("Other CA");
  const KeyAndCertificate a = one.node("a");
  const KeyAndCertificate b = other.node("b");
  const auto made =
      lists(one.list(request(1, {{serial_of(a), 5}})) + other.list(request(1, {{serial_of(b), 6}})),
            one.certificate() + other.certificate());
  EXPECT_EQ(made->revoked_at(parse(a.certificate).get()), 5);
  EXPECT_EQ(made->revoked_at(parse(b.certificate).get()), 6);
}

TEST(List, ATooLongOneIsRefused) {
  const TestAuthority authority;
  std::vector<RevokedCertificate> many(limits::kTlsRevokedMax,
                                       {"0123456789ABCDEF0123456789ABCDEF", 1'700'000'000});
  for (size_t i = 0; i < many.size(); ++i) {
    const std::string tail = std::to_string(100'000 + i);
    many[i].serial.replace(many[i].serial.size() - tail.size(), tail.size(), tail);
  }
  const std::string full = authority.list(request(1, many));
  EXPECT_LE(full.size(), limits::kTlsFileBytesMax);
  EXPECT_EQ(parse_lists(full).index(), 0U);
  many.push_back({"01", 1});
  const auto refused = parse_lists(authority.list(request(1, many)));
  EXPECT_EQ(std::get<std::string>(refused), "holds a list of more than 10000 certificates");
}

TEST(List, WithACriticalExtensionIsRefused) {
  const TestAuthority authority;
  const std::string pem = authority.list(request(1, {}));
  auto parsed = parse_lists(pem);
  X509_CRL* list = std::get<std::vector<Crl>>(parsed).front().get();
  // Which would mean that it only lists what has changed since another list.
  ASN1_INTEGER* base = ASN1_INTEGER_new();
  ASN1_INTEGER_set(base, 1);
  ASSERT_EQ(X509_CRL_add1_ext_i2d(list, NID_delta_crl, base, 1, X509V3_ADD_DEFAULT), 1);
  ASN1_INTEGER_free(base);
  const auto key = parse_private_key(authority.pem().key);
  ASSERT_GT(X509_CRL_sign(list, std::get<PrivateKey>(key).get(), EVP_sha256()), 0);
  const auto refused = parse_lists(to_pem(list));
  ASSERT_EQ(refused.index(), 1U);
  EXPECT_NE(std::get<std::string>(refused).find("critical extension"), std::string::npos);
}

TEST(List, ASerialThatIsNoNumberIsRefused) {
  const TestAuthority test;
  const auto authority = parse_authority(test.pem().key, test.pem().certificate);
  EXPECT_EQ(sign_list(std::get<Authority>(authority), request(1, {{"xyz", 1}})).index(), 1U);
}

RC_GTEST_PROP(List, AnyTextIsReadOrRefused, (const std::string& text)) {
  (void)parse_lists(text);
  (void)parse_lists("-----BEGIN X509 CRL-----\n" + text + "\n-----END X509 CRL-----\n");
}

RC_GTEST_PROP(List, AChangedByteIsNoticed, ()) {
  static const TestAuthority kAuthority;
  std::string der = lists(kAuthority.list(request(3, {{"AB", 5}})), kAuthority.certificate())->published();
  const auto at = *rc::gen::inRange<size_t>(0, der.size());
  der[at] = static_cast<char>(der[at] ^ (1 << *rc::gen::inRange(0, 8)));
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const Crl read(d2i_X509_CRL(nullptr, &bytes, static_cast<long>(der.size())));
  if (!read) return;
  RC_ASSERT(!is_list_of(parse(kAuthority.certificate()).get(), read.get()));
}

// ---- Files.

class RevocationFileTest : public ::testing::Test {
 protected:
  RevocationFileTest()
      : watch_({{"PATRONUS_TLS_CRL", directory_.file("crl")}, {"PATRONUS_PEER_CA", directory_.file("ca")}}) {
    directory_.put("ca", authority_.certificate());
    directory_.put("crl", authority_.list(request(5, {})));
    EXPECT_EQ(watch_.load().index(), 0U);
  }

  std::optional<RevocationWatch::Found> look(int64_t later = 0) {
    return watch_.look(std::time(nullptr) + later);
  }
  // What is bad is waited for once and then said once.
  std::string complaint() {
    EXPECT_FALSE(look());
    const auto found = look();
    if (!found) return "";
    EXPECT_TRUE(found->is_error);
    EXPECT_FALSE(found->fresh);
    EXPECT_NE(found->line.find("what was read before stays in use"), std::string::npos) << found->line;
    EXPECT_FALSE(look());
    return found->line;
  }

  TestAuthority authority_;
  Directory directory_;
  RevocationWatch watch_;
};

TEST_F(RevocationFileTest, NothingHasChanged) { EXPECT_FALSE(look()); }

TEST_F(RevocationFileTest, ANewListIsTakenUpOnce) {
  const KeyAndCertificate a = authority_.node("a");
  directory_.put("crl", authority_.list(request(6, {{serial_of(a), 5}})));
  const auto found = look();
  ASSERT_TRUE(found && found->fresh);
  EXPECT_FALSE(found->is_error);
  EXPECT_EQ(found->fresh->revoked_at(parse(a.certificate).get()), 5);
  EXPECT_NE(found->line.find("it revokes 1,"), std::string::npos) << found->line;
  EXPECT_FALSE(look());
}

TEST_F(RevocationFileTest, HalfAListIsWaitedFor) {
  const std::string whole = authority_.list(request(6, {}));
  directory_.put("crl", whole.substr(0, whole.size() / 2));
  EXPECT_FALSE(look());
  directory_.put("crl", whole);
  EXPECT_TRUE(look()->fresh);
}

TEST_F(RevocationFileTest, ABadOneIsComplainedOfOnce) {
  directory_.put("crl", "hello");
  EXPECT_TRUE(complaint().starts_with("PATRONUS_TLS_CRL='" + directory_.file("crl") + "' holds no list"));
  directory_.put("crl", TestAuthority("Other CA").list(request(9, {})));
  EXPECT_NE(complaint().find("none of the authorities signed"), std::string::npos);
  std::filesystem::remove(directory_.file("crl"));
  EXPECT_NE(complaint().find("No such file"), std::string::npos);
  directory_.put("crl", authority_.list(request(6, {})));
  EXPECT_TRUE(look()->fresh) << "what is mended is taken up";
}

TEST_F(RevocationFileTest, AnOldCopyTakesNoRevocationBack) {
  directory_.put("crl", authority_.list(request(4, {})));
  EXPECT_NE(complaint().find("holds list 4, which is older than list 5"), std::string::npos);
  // At a start there is nothing to compare with.
  RevocationWatch anew(
      {{"PATRONUS_TLS_CRL", directory_.file("crl")}, {"PATRONUS_PEER_CA", directory_.file("ca")}});
  EXPECT_EQ(anew.load().index(), 0U);
}

TEST_F(RevocationFileTest, TheFirstReadingSaysWhatIsWrong) {
  std::filesystem::remove(directory_.file("crl"));
  const auto missing = watch_.load();
  const auto& line = std::get<std::string>(missing);
  EXPECT_TRUE(line.starts_with("PATRONUS_TLS_CRL='" + directory_.file("crl") + "' can't be read")) << line;
  EXPECT_NE(line.find("; use the ca.crl"), std::string::npos) << line;
}

// It would take the cluster down to be told nothing new.
TEST_F(RevocationFileTest, AListThatRanOutStaysInUseAndIsSaidOnceADay) {
  const KeyAndCertificate a = authority_.node("a");
  directory_.put("crl", authority_.list(request(6, {{serial_of(a), 5}}, std::time(nullptr) - 10)));
  const auto taken = look();
  ASSERT_TRUE(taken && taken->fresh);
  EXPECT_EQ(taken->fresh->revoked_at(parse(a.certificate).get()), 5);
  const auto reminder = look();
  ASSERT_TRUE(reminder);
  EXPECT_TRUE(reminder->is_error);
  EXPECT_NE(reminder->line.find("ran out on"), std::string::npos) << reminder->line;
  EXPECT_FALSE(look(23 * 60 * 60));
  EXPECT_TRUE(look(25 * 60 * 60));
  EXPECT_EQ(watch_.load().index(), 0U) << "a node starts with it too";
}

// ---- Who shows one.

class RevokedPeer : public ::testing::Test {
 protected:
  std::shared_ptr<const Context> peer(const KeyAndCertificate& own) const {
    return context(Role::kPeer, own, authority_.certificate());
  }
  std::shared_ptr<const RevocationLists> revoking(const KeyAndCertificate& pem) const {
    return lists(authority_.list(request(2, {{serial_of(pem), 1'700'000'000}})), authority_.certificate());
  }
  std::string words() const {
    return "shows the certificate of node a that was revoked on 2023-11-14T22:13:20Z (serial " +
           serial_of(a_) + ")";
  }
  static void exchange(Session& one, Session& other) {
    while (true) {
      const std::string to_other = one.take_output();
      const std::string to_one = other.take_output();
      if (to_other.empty() && to_one.empty()) return;
      if (!to_other.empty()) other.receive(to_other);
      if (!to_one.empty()) one.receive(to_one);
    }
  }

  TestAuthority authority_;
  KeyAndCertificate a_ = authority_.node("a");
  KeyAndCertificate b_ = authority_.node("b");
};

constexpr const char* kToldSo =
    "does not take this node's certificate: it was revoked; issue another with patronusctl tls renew";

TEST_F(RevokedPeer, IsRefusedByTheAcceptor) {
  Session dialler(*peer(a_), Side::kDialler);
  Session acceptor(*peer(b_), Side::kAcceptor, revoking(a_));
  exchange(dialler, acceptor);
  EXPECT_EQ(acceptor.failure(), words());
  EXPECT_EQ(dialler.failure(), kToldSo);
}

TEST_F(RevokedPeer, IsRefusedByTheDialler) {
  Session dialler(*peer(b_), Side::kDialler, revoking(a_));
  Session acceptor(*peer(a_), Side::kAcceptor);
  exchange(dialler, acceptor);
  EXPECT_EQ(dialler.failure(), words());
  EXPECT_EQ(acceptor.failure(), kToldSo);
}

TEST_F(RevokedPeer, WithAnotherCertificateIsTaken) {
  Session dialler(*peer(authority_.node("a")), Side::kDialler, revoking(a_));
  Session acceptor(*peer(b_), Side::kAcceptor, revoking(a_));
  exchange(dialler, acceptor);
  EXPECT_TRUE(acceptor.established()) << acceptor.failure();
  EXPECT_TRUE(dialler.established()) << dialler.failure();
}

TEST_F(RevokedPeer, OfAnOpenConnectionFailsOnceThatIsKnown) {
  Session dialler(*peer(a_), Side::kDialler);
  Session acceptor(*peer(b_), Side::kAcceptor);
  exchange(dialler, acceptor);
  acceptor.refuse_revoked(revoking(b_));
  dialler.refuse_revoked(revoking(a_));
  EXPECT_TRUE(acceptor.established() && dialler.established()) << "who holds it is not to judge itself";
  acceptor.refuse_revoked(revoking(a_));
  EXPECT_FALSE(acceptor.established());
  EXPECT_EQ(acceptor.failure(), words());
}

// The handshake was under way when the list came.
TEST_F(RevokedPeer, IsRefusedInAHandshakeThatHasBegun) {
  Session dialler(*peer(a_), Side::kDialler);
  Session acceptor(*peer(b_), Side::kAcceptor);
  acceptor.receive(dialler.take_output());
  acceptor.refuse_revoked(revoking(a_));
  exchange(dialler, acceptor);
  EXPECT_EQ(acceptor.failure(), words());
}

}  // namespace
}  // namespace patronus::tls::tls_revocation_test
