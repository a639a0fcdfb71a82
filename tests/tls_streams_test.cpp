// TLS over real sockets on loopback: what the driver sees is plaintext, every byte written is told of once,
// and each end of a stream is told as what it was.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/uv/tls_streams.h"
#include "tests/tls_fixture.h"

namespace patronus::uv::tls_streams_test {
namespace {

using tls::Role;
using tls::TestAuthority;

constexpr uint64_t kPatienceMs = 60'000;  // only a hang is this slow

// One side: TlsStreams with what it reported.
class End : public TlsStreams::Listener {
 public:
  explicit End(uv_loop_t* loop) { streams.emplace(loop, *this); }

  ConnId on_accepted(Door door, const Remote& remote) override {
    if (refuses) return 0;
    doors[next_] = door;
    remotes[next_] = remote;
    accepted = next_;
    return next_++;
  }
  void on_dialled(ConnId conn) override { dialled = conn; }
  void on_bytes(ConnId conn, std::string_view bytes) override {
    input += bytes;
    proven = streams->proven_identity(conn);
  }
  void on_end_of_input(ConnId) override { ++ends_of_input; }
  void on_ended(ConnId, LinkEnd how) override { ended = how; }
  void on_written(ConnId, size_t bytes) override { written += bytes; }
  void on_complaint(const std::string& line) override { complaints.push_back(line); }

  bool refuses = false;
  std::map<ConnId, Door> doors;
  std::map<ConnId, Remote> remotes;
  ConnId accepted = 0;
  ConnId dialled = 0;
  std::string input;
  std::optional<NodeId> proven;  // when bytes last came
  int ends_of_input = 0;
  std::optional<LinkEnd> ended;
  size_t written = 0;
  std::vector<std::string> complaints;
  std::optional<TlsStreams> streams;

 private:
  ConnId next_ = 1000;
};

// A socket without TLS.
class RawSocket {
 public:
  explicit RawSocket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  std::string receive() const {
    std::string bytes(65'536, '\0');
    const ssize_t n = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return bytes;
  }
  bool has_ended() const {
    char byte = 0;
    ssize_t n = 0;
    do {
      n = recv(fd_, &byte, 1, MSG_DONTWAIT);
    } while (n > 0);
    return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  int fd_;
};

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size), 0);
  ::close(fd);
  return ntohs(at.sin_port);
}

class TlsStreamsTest : public ::testing::Test {
 protected:
  TlsStreamsTest() : client_(loop_.get()), server_(loop_.get()), port_(free_port()) {
    client_.streams->use_for_peers(peer("a"));
    server_.streams->use_for_peers(peer("b"));
    server_.streams->use_for_https(context(Role::kHttps, authority_.node("b")));
    uv_timer_init(loop_.get(), patience_.get());
    patience_.on([this] { out_of_patience_ = true; });
    uv_timer_start(
        patience_.get(), [](uv_timer_t* handle) { Handle<uv_timer_t>::call(handle); }, kPatienceMs, 0);
  }

  std::shared_ptr<const tls::Context> peer(const NodeId& id, tls::Validity validity = tls::days(-1, 10)) {
    return context(Role::kPeer, authority_.node(id, validity), authority_.certificate());
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void listen(Door door = Door::kPeer, bool secure = true) {
    ASSERT_EQ(server_.streams->listen(door, {"127.0.0.1", port_}, secure), std::nullopt);
  }
  void run_until(const std::function<bool()>& condition) {
    while (!condition() && !out_of_patience_) uv_run(loop_.get(), UV_RUN_ONCE);
    ASSERT_FALSE(out_of_patience_);
  }
  void link() {
    listen();
    client_.streams->dial(1, address());
    run_until([this] { return client_.dialled == 1 && server_.accepted != 0; });
  }

  Loop loop_;
  Handle<uv_timer_t> patience_;
  bool out_of_patience_ = false;
  TestAuthority authority_;
  End client_;
  End server_;
  uint16_t port_;
};

TEST_F(TlsStreamsTest, BothEndsKnowWithWhomTheyTalk) {
  link();
  EXPECT_EQ(client_.streams->proven_identity(1), "b");
  EXPECT_EQ(server_.streams->proven_identity(server_.accepted), "a");
  EXPECT_EQ(server_.doors[server_.accepted], Door::kPeer);
  EXPECT_TRUE(server_.remotes[server_.accepted].secure);
  EXPECT_EQ(server_.remotes[server_.accepted].ip, "127.0.0.1");
  EXPECT_FALSE(client_.streams->proven_identity(99));
}

TEST_F(TlsStreamsTest, EveryByteOfPlaintextIsCountedOnce) {
  link();
  size_t sent = 0;
  size_t left = 0;
  for (size_t size : {1U, 1'000'000U, 3U, 30'000'000U, 100U}) {
    left += client_.streams->write(1, std::string(size, 'x'));
    sent += size;
  }
  EXPECT_GT(client_.streams->backlog(1), 0U);
  run_until([&] { return server_.input.size() == sent && left + client_.written == sent; });
  EXPECT_EQ(left + client_.written, sent);
  EXPECT_EQ(client_.streams->backlog(1), 0U);
}

TEST_F(TlsStreamsTest, WhatIsWrittenTooEarlyIsKept) {
  listen();
  client_.streams->dial(1, address());
  EXPECT_EQ(client_.streams->write(1, "early"), 0U);
  EXPECT_EQ(client_.streams->backlog(1), 5U);
  run_until([this] { return server_.input == "early" && client_.written == 5; });
}

TEST_F(TlsStreamsTest, ACloseComesAfterWhatWasWritten) {
  link();
  (void)client_.streams->write(1, std::string(5'000'000, 'x'));
  client_.streams->close(1);
  run_until([this] { return server_.ends_of_input > 0; });
  EXPECT_EQ(server_.input.size(), 5'000'000U);
  EXPECT_EQ(server_.ends_of_input, 1);
  EXPECT_FALSE(client_.ended) << "nothing is heard of a stream that one closed oneself";
}

TEST_F(TlsStreamsTest, ARefusedDialIsToldAsSuch) {
  client_.streams->dial(1, address());
  run_until([this] { return client_.ended.has_value(); });
  EXPECT_EQ(client_.ended, LinkEnd::kRefused);
  EXPECT_TRUE(client_.complaints.empty());
}

// As when the process at the other end is killed: no goodbye of TLS, just the end.
TEST_F(TlsStreamsTest, AnEndWithoutGoodbyeIsToldAsAnEndOfInput) {
  link();
  server_.streams.reset();
  run_until([this] { return client_.ends_of_input > 0 || client_.ended; });
  EXPECT_TRUE(client_.complaints.empty());
}

TEST_F(TlsStreamsTest, AStrangerIsToldSoAndIsNotShownToTheDriver) {
  client_.streams->use_for_peers(peer("a", tls::days(-10, -1)));
  listen();
  client_.streams->dial(1, address());
  run_until([this] { return client_.ended && !server_.complaints.empty(); });
  EXPECT_EQ(client_.ended, LinkEnd::kProtocol);
  EXPECT_EQ(server_.accepted, 0U);
  ASSERT_EQ(server_.complaints.size(), 1U);
  EXPECT_TRUE(server_.complaints[0].starts_with(
      "what dialled the peer port from 127.0.0.1 shows a certificate that expired on"))
      << server_.complaints[0];
  ASSERT_EQ(client_.complaints.size(), 1U);
  EXPECT_EQ(client_.complaints[0],
            "the node at " + address() +
                " does not take this node's certificate: it has expired, by the other end's clock");
  EXPECT_EQ(server_.streams->failures(), 1U);
}

TEST_F(TlsStreamsTest, PlainBytesAreRefusedAndTheDoorStaysOpen) {
  listen(Door::kHttp);
  for (const char* bytes :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff garbage", "\0\0\0\0\0\0"}) {
    const RawSocket raw(port_);
    raw.send(std::string_view(bytes, 7));
    run_until([&] { return raw.has_ended(); });
  }
  EXPECT_EQ(server_.accepted, 0U);
  EXPECT_FALSE(server_.ended);
  const RawSocket quiet(port_);
  client_.streams->dial(1, address());
  run_until([this] { return client_.dialled == 1 || client_.ended; });
}

// What came whole before a record that is broken is handed on; whose it is must be known all the same, or any
// node could speak for another with a broken record at its end.
TEST_F(TlsStreamsTest, BytesBeforeABrokenRecordAreStillTheirSenders) {
  listen();
  const RawSocket socket(port_);
  const std::shared_ptr<const tls::Context> context = peer("c");
  tls::Session session(*context, tls::Side::kDialler);
  // The loop has nothing to wait for while the socket's end is the one to read.
  while (!session.established() && session.failure().empty() && !out_of_patience_) {
    if (const std::string output = session.take_output(); !output.empty()) socket.send(output);
    uv_run(loop_.get(), UV_RUN_NOWAIT);
    session.receive(socket.receive());
  }
  ASSERT_TRUE(session.established()) << session.failure();
  socket.send(session.take_output());
  run_until([this] { return server_.accepted != 0; });
  session.send("I am b");
  socket.send(session.take_output() + std::string(64, '\x17'));
  run_until([this] { return server_.ended.has_value(); });
  EXPECT_EQ(server_.input, "I am b");
  EXPECT_EQ(server_.proven, "c");
}

TEST_F(TlsStreamsTest, WithoutTlsBytesPassThrough) {
  listen(Door::kHttp, false);
  const RawSocket raw(port_);
  raw.send("hello");
  run_until([this] { return server_.input == "hello"; });
  EXPECT_FALSE(server_.remotes[server_.accepted].secure);
  EXPECT_EQ(server_.remotes[server_.accepted].ip, "127.0.0.1");
  EXPECT_FALSE(server_.streams->proven_identity(server_.accepted));
}

TEST_F(TlsStreamsTest, WhomTheDriverRefusesIsClosed) {
  server_.refuses = true;
  listen();
  client_.streams->dial(1, address());
  run_until([this] { return client_.ends_of_input > 0; });
}

TEST_F(TlsStreamsTest, WhoNeverFinishesAHandshakeIsDropped) {
  listen();
  const RawSocket raw(port_);
  run_until([&] { return raw.has_ended(); });
  EXPECT_EQ(server_.complaints,
            std::vector<std::string>{
                "what dialled the peer port from 127.0.0.1 does not finish its TLS handshake"});
}

// Those that came first make room, so that an honest client still gets in.
TEST_F(TlsStreamsTest, AFloodOfHandshakesKeepsNobodyOut) {
  listen();
  std::vector<std::unique_ptr<RawSocket>> flood;
  for (size_t i = 0; i < limits::kTlsHandshakesMax + 10; ++i) {
    flood.push_back(std::make_unique<RawSocket>(port_));
    uv_run(loop_.get(), UV_RUN_NOWAIT);
  }
  client_.streams->dial(1, address());
  run_until([this] { return client_.dialled == 1; });
  run_until([&] { return flood.front()->has_ended(); });
}

// Whichever end has the list, and whoever dialled.
TEST_F(TlsStreamsTest, ALinkEndsWhenItsCertificateIsRevoked) {
  const tls::KeyAndCertificate own = authority_.node("a");
  client_.streams->use_for_peers(context(Role::kPeer, own, authority_.certificate()));
  link();
  const auto revoking = [&](const std::string& serial) {
    return tls::lists(
        authority_.list({2, 1'700'000'000, tls::days(0, 9).not_after, {{serial, 1'700'000'000}}}),
        authority_.certificate());
  };
  server_.streams->use_revocations(revoking("AB"));
  EXPECT_FALSE(server_.ended) << "nobody has that certificate";
  server_.streams->use_revocations(revoking(serial_of(own)));
  EXPECT_EQ(server_.ended, LinkEnd::kProtocol);
  ASSERT_EQ(server_.complaints.size(), 1U);
  EXPECT_TRUE(
      server_.complaints[0].starts_with("what dialled the peer port from 127.0.0.1 shows the certificate of "
                                        "node a that was revoked on 2023-11-14"))
      << server_.complaints[0];
  run_until([this] { return client_.ends_of_input > 0 || client_.ended; });
  // And it does not get in again.
  client_.ended.reset();
  server_.accepted = 0;
  client_.streams->dial(2, address());
  run_until([this] { return client_.ended.has_value(); });
  EXPECT_EQ(server_.accepted, 0U);
}

TEST_F(TlsStreamsTest, ADialledLinkEndsWhenItsCertificateIsRevoked) {
  const tls::KeyAndCertificate own = authority_.node("b");
  server_.streams->use_for_peers(context(Role::kPeer, own, authority_.certificate()));
  link();
  client_.streams->use_revocations(tls::lists(
      authority_.list({2, 1'700'000'000, tls::days(0, 9).not_after, {{serial_of(own), 1'700'000'000}}}),
      authority_.certificate()));
  EXPECT_EQ(client_.ended, LinkEnd::kProtocol);
  run_until([this] { return server_.ends_of_input > 0 || server_.ended; });
}

TEST_F(TlsStreamsTest, ANewCertificateIsForNewStreams) {
  link();
  server_.streams->use_for_peers(peer("c"));
  client_.streams->dial(2, address());
  run_until([this] { return client_.dialled == 2; });
  EXPECT_EQ(client_.streams->proven_identity(1), "b");
  EXPECT_EQ(client_.streams->proven_identity(2), "c");
  (void)client_.streams->write(1, "still here");
  run_until([this] { return server_.input == "still here"; });
}

}  // namespace
}  // namespace patronus::uv::tls_streams_test
