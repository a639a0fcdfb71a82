// One TLS connection, fed bytes in any pieces: what comes through, who is let in, and how a refusal is
// worded.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/tls_fixture.h"

namespace patronus::tls::tls_session_test {
namespace {

const TestAuthority& authority() {
  static const TestAuthority kAuthority;
  return kAuthority;
}

std::shared_ptr<const Context> peer(const NodeId& id, Validity validity = days(-1, 10)) {
  return context(Role::kPeer, authority().node(id, validity), authority().certificate());
}

// Carries bytes both ways, in pieces of at most `piece`, until neither side has any left.
void exchange(Session& a, Session& b, size_t piece = SIZE_MAX) {
  while (true) {
    const std::string to_b = a.take_output();
    const std::string to_a = b.take_output();
    if (to_b.empty() && to_a.empty()) return;
    for (size_t at = 0; at < to_b.size(); at += std::min(piece, to_b.size() - at)) {
      b.receive(std::string_view(to_b).substr(at, piece));
    }
    for (size_t at = 0; at < to_a.size(); at += std::min(piece, to_a.size() - at)) {
      a.receive(std::string_view(to_a).substr(at, piece));
    }
  }
}

struct Pair {
  Pair(const std::shared_ptr<const Context>& from, const std::shared_ptr<const Context>& to)
      : dialler(*from, Side::kDialler), acceptor(*to, Side::kAcceptor) {}
  Session dialler;
  Session acceptor;
};

// A client of HTTPS as OpenSSL has it, with settings of its own.
class PlainClient {
 public:
  explicit PlainClient(const std::function<void(SSL_CTX*)>& set_up)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);
    set_up(context_.get());
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  // Shakes hands with the session as far as it goes; true if it is done.
  bool shake_hands(Session& session) {
    for (int round = 0; round < 10; ++round) {
      const bool done = SSL_do_handshake(ssl_.get()) == 1;
      pass_on(session);
      if (done && session.established()) return true;
    }
    return false;
  }
  void pass_on(Session& session) {
    session.receive(bio_contents(SSL_get_wbio(ssl_.get())));
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
    const std::string answer = session.take_output();
    BIO_write(SSL_get_rbio(ssl_.get()), answer.data(), static_cast<int>(answer.size()));
  }
  SSL* ssl() { return ssl_.get(); }

 private:
  ContextHandle context_;
  SslHandle ssl_;
};

std::shared_ptr<const Context> https() {
  static const auto kContext = context(Role::kHttps, authority().node("a"));
  return kContext;
}

TEST(TlsSession, BothEndsProveTheirNodes) {
  Pair pair(peer("a"), peer("b_2.x"));
  EXPECT_FALSE(pair.dialler.established());
  exchange(pair.dialler, pair.acceptor);
  ASSERT_TRUE(pair.dialler.established()) << pair.dialler.failure();
  ASSERT_TRUE(pair.acceptor.established()) << pair.acceptor.failure();
  EXPECT_EQ(pair.dialler.peer_node(), "b_2.x");
  EXPECT_EQ(pair.acceptor.peer_node(), "a");
}

TEST(TlsSession, BytesArriveOneByOne) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor, 1);
  ASSERT_TRUE(pair.acceptor.established()) << pair.acceptor.failure();
  pair.dialler.send("hello");
  pair.acceptor.send("you too");
  exchange(pair.dialler, pair.acceptor, 1);
  EXPECT_EQ(pair.acceptor.take_plaintext(), "hello");
  EXPECT_EQ(pair.dialler.take_plaintext(), "you too");
  EXPECT_EQ(pair.dialler.take_plaintext(), "");
}

RC_GTEST_PROP(TlsSession, AnyPiecesAndSizesComeThroughInOrder, ()) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor, *rc::gen::inRange<size_t>(1, 3000));
  RC_ASSERT(pair.dialler.established() && pair.acceptor.established());
  std::string sent;
  std::string got;
  for (int i = 0; i < 5; ++i) {
    const std::string bytes(*rc::gen::inRange<size_t>(0, 50'000), static_cast<char>('a' + i));
    sent += bytes;
    pair.dialler.send(bytes);
    exchange(pair.dialler, pair.acceptor, *rc::gen::inRange<size_t>(1, 20'000));
    got += pair.acceptor.take_plaintext();
  }
  RC_ASSERT(got == sent);
}

TEST(TlsSession, MuchAtOnceComesThrough) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor);
  std::string much(20 * 1024 * 1024, 'x');
  for (size_t i = 0; i < much.size(); i += 997) much[i] = static_cast<char>(i);
  pair.dialler.send(much);
  exchange(pair.dialler, pair.acceptor, 256 * 1024);
  EXPECT_TRUE(pair.acceptor.take_plaintext() == much);
}

TEST(TlsSession, ACloseIsHeardAfterWhatWasSent) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor);
  pair.dialler.send("last words");
  pair.dialler.close();
  exchange(pair.dialler, pair.acceptor);
  EXPECT_EQ(pair.acceptor.take_plaintext(), "last words");
  EXPECT_TRUE(pair.acceptor.input_closed());
  EXPECT_EQ(pair.acceptor.failure(), "");
  // The way back is still open.
  pair.acceptor.send("good night");
  exchange(pair.dialler, pair.acceptor);
  EXPECT_EQ(pair.dialler.take_plaintext(), "good night");
}

TEST(TlsSession, NothingIsSentAfterAClose) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor);
  pair.dialler.close();
  pair.dialler.send("too late");
  pair.dialler.close();
  exchange(pair.dialler, pair.acceptor);
  EXPECT_EQ(pair.acceptor.take_plaintext(), "");
}

// ---- Who is refused.

// The acceptor's words for a dialler with this certificate.
std::string refusal(const std::shared_ptr<const Context>& from) {
  Pair pair(from, peer("b"));
  exchange(pair.dialler, pair.acceptor);
  EXPECT_FALSE(pair.acceptor.established());
  EXPECT_FALSE(pair.dialler.failure().empty()) << "an alert tells the other end";
  return pair.acceptor.failure();
}

TEST(TlsRefusal, OfAnotherAuthority) {
  const TestAuthority other("Other CA");
  const auto from = context(Role::kPeer, other.node("a"), authority().certificate());
  EXPECT_EQ(refusal(from),
            "shows a certificate of another authority (CN=a,O=Patronus), issued by CN=Other CA,O=Patronus");
}

// The name alone proves nothing.
TEST(TlsRefusal, OfAnotherAuthorityOfTheSameName) {
  const TestAuthority other("Test CA");
  const auto from = context(Role::kPeer, other.node("a"), authority().certificate());
  EXPECT_TRUE(refusal(from).starts_with("shows a certificate of another authority")) << refusal(from);
}

TEST(TlsRefusal, OfTheOneThatExpired) {
  EXPECT_TRUE(refusal(peer("a", days(-10, -1))).starts_with("shows a certificate that expired on 20"));
}

TEST(TlsRefusal, OfTheOneThatIsNotValidYet) {
  const std::string words = refusal(peer("a", days(1, 10)));
  EXPECT_TRUE(words.starts_with("shows a certificate that is not valid before 20")) << words;
}

TEST(TlsRefusal, OfNoCertificate) {
  PlainClient client([](SSL_CTX*) {});
  Session session(*peer("b"), Side::kAcceptor);
  EXPECT_FALSE(client.shake_hands(session));
  EXPECT_EQ(session.failure(), "shows no certificate");
}

// Such as a balancer's: it is the authority's, and no node's.
TEST(TlsRefusal, OfACertificateThatNamesNoNode) {
  Request request{"ha", "", {"ha.example.org"}, days(-1, 10)};
  const auto server_only = context(Role::kPeer, authority().issue(request), authority().certificate());
  EXPECT_TRUE(refusal(server_only).starts_with("shows a certificate that is not meant for nodes"));
}

TEST(TlsRefusal, IsToldInWordsAtTheOtherEndToo) {
  Pair pair(peer("a", days(-10, -1)), peer("b"));
  exchange(pair.dialler, pair.acceptor);
  EXPECT_EQ(pair.dialler.failure(),
            "does not take this node's certificate: it has expired, by the other end's clock");
}

TEST(TlsRefusal, TheDiallerChecksTheAcceptor) {
  const TestAuthority other("Other CA");
  Pair pair(peer("a"), context(Role::kPeer, other.node("b"), authority().certificate()));
  exchange(pair.dialler, pair.acceptor);
  EXPECT_TRUE(pair.dialler.failure().starts_with("shows a certificate of another authority"))
      << pair.dialler.failure();
  EXPECT_EQ(pair.acceptor.failure(),
            "does not take this node's certificate: it does not know the authority that signed it");
}

TEST(TlsRefusal, OfPlainHttp) {
  Session session(*https(), Side::kAcceptor);
  session.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(session.failure(), "speaks plain HTTP where TLS is spoken; use https://");
}

TEST(TlsRefusal, OfOldVersions) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    PlainClient client([version](SSL_CTX* own) {
      SSL_CTX_set_min_proto_version(own, version);
      SSL_CTX_set_max_proto_version(own, version);
    });
    Session session(*https(), Side::kAcceptor);
    EXPECT_FALSE(client.shake_hands(session));
    EXPECT_EQ(session.failure(), "offers TLS below 1.2 only");
  }
}

TEST(TlsRefusal, OfOldCiphers) {
  for (const char* cipher : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"}) {
    PlainClient client([cipher](SSL_CTX* own) {
      SSL_CTX_set_max_proto_version(own, TLS1_2_VERSION);
      ASSERT_EQ(SSL_CTX_set_cipher_list(own, cipher), 1);
    });
    Session session(*https(), Side::kAcceptor);
    EXPECT_FALSE(client.shake_hands(session)) << cipher;
    EXPECT_EQ(session.failure(), "offers no cipher or group that this node takes");
  }
}

TEST(TlsRefusal, OfRenegotiation) {
  PlainClient client([](SSL_CTX* own) { SSL_CTX_set_max_proto_version(own, TLS1_2_VERSION); });
  Session session(*https(), Side::kAcceptor);
  ASSERT_TRUE(client.shake_hands(session)) << session.failure();
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  SSL_do_handshake(client.ssl());
  client.pass_on(session);
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
}

TEST(TlsHttps, AsksNoCertificateAndTakesTls12And13) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    PlainClient client([version](SSL_CTX* own) {
      SSL_CTX_set_min_proto_version(own, version);
      SSL_CTX_set_max_proto_version(own, version);
    });
    Session session(*https(), Side::kAcceptor);
    ASSERT_TRUE(client.shake_hands(session)) << session.failure();
    EXPECT_FALSE(session.peer_node());
    SSL_write(client.ssl(), "hello", 5);
    client.pass_on(session);
    EXPECT_EQ(session.take_plaintext(), "hello");
  }
}

// Names as ALPN has them: each with its length before it.
std::string chosen_protocol(const std::string& offered, Session& session) {
  PlainClient client([&offered](SSL_CTX* own) {
    SSL_CTX_set_alpn_protos(own, reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned>(offered.size()));
  });
  if (!client.shake_hands(session)) return "(none)";
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.ssl(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

TEST(TlsHttps, SpeaksHttp11WhateverElseIsOffered) {
  Session both(*https(), Side::kAcceptor);
  EXPECT_EQ(chosen_protocol("\x02h2\x08http/1.1", both), "http/1.1");
  Session only_h2(*https(), Side::kAcceptor);
  EXPECT_EQ(chosen_protocol("\x02h2", only_h2), "(none)");
  EXPECT_EQ(only_h2.failure(), "offers no HTTP/1.1 (ALPN)");
}

// ---- Bytes that are none of ours.

RC_GTEST_PROP(TlsSession, AnyBytesAreRefusedWithWords, (const std::string& bytes)) {
  Session session(*https(), Side::kAcceptor);
  session.receive(bytes);
  RC_ASSERT(!session.established());
  session.receive(std::string(100'000, 'x'));
  RC_ASSERT(!session.failure().empty());
  RC_ASSERT(session.take_plaintext().empty());
}

RC_GTEST_PROP(TlsSession, AChangedByteEndsIt, ()) {
  Pair pair(peer("a"), peer("b"));
  exchange(pair.dialler, pair.acceptor);
  pair.dialler.send("transfer 100");
  std::string record = pair.dialler.take_output();
  const auto at = *rc::gen::inRange<size_t>(5, record.size());
  record[at] = static_cast<char>(record[at] ^ (1 << *rc::gen::inRange(0, 8)));
  pair.acceptor.receive(record);
  RC_ASSERT(pair.acceptor.take_plaintext().empty());
  RC_ASSERT(!pair.acceptor.failure().empty());
}

TEST(TlsSession, AHandshakeCutShortIsNotEstablished) {
  Session dialler(*peer("a"), Side::kDialler);
  const std::string hello = dialler.take_output();
  for (size_t size = 0; size < hello.size(); size += 7) {
    Session session(*https(), Side::kAcceptor);
    session.receive(std::string_view(hello).substr(0, size));
    EXPECT_FALSE(session.established());
    EXPECT_EQ(session.failure(), "");
  }
}

}  // namespace
}  // namespace patronus::tls::tls_session_test
