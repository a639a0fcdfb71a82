#include "io/uv/tls_streams.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/limits.h"

namespace patronus::uv {
namespace {

// Far beyond what the driver counts up to.
constexpr ConnId kFirstArrival = ConnId{1} << 62;

Instant mono_now() { return Instant{static_cast<int64_t>(uv_hrtime())}; }

std::string name_of_stranger(Door door, const Remote& remote) {
  const std::string from = remote.ip.empty() ? "an unknown address" : remote.ip;
  return (door == Door::kPeer ? "what dialled the peer port from " : "an HTTPS client at ") + from;
}

}  // namespace

TlsStreams::TlsStreams(uv_loop_t* loop, Listener& listener)
    : listener_(listener), tcp_(loop, *this), next_arrival_(kFirstArrival), loop_(loop) {
  handshake_timer_ = std::make_unique<Handle<uv_timer_t>>();
  uv_timer_init(loop_, handshake_timer_->get());
  handshake_timer_->on([this] {
    timer_runs_ = false;
    drop_late_handshakes();
    watch_handshakes();
  });
}

TlsStreams::~TlsStreams() { tcp_.shut_down(); }

std::optional<std::string> TlsStreams::listen(Door door, const Address& address, bool secure) {
  PATRONUS_ASSERT(!secure || (door == Door::kPeer ? peers_ : https_) != nullptr,
                  "a secure door has a certificate before it opens");
  return tcp_.listen(door, address, secure);
}

TlsStreams::Streams& TlsStreams::home_of(ConnId conn) { return conn >= kFirstArrival ? arrivals_ : streams_; }

TlsStreams::Stream* TlsStreams::find(ConnId conn) {
  const Streams& home = home_of(conn);
  const auto at = home.find(conn);
  return at == home.end() ? nullptr : at->second.get();
}

void TlsStreams::use_revocations(const Revocations& revoked) {
  revoked_ = revoked;
  std::vector<ConnId> refused;
  for (Streams* streams : {&streams_, &arrivals_}) {
    for (const auto& [conn, stream] : *streams) {
      stream->session.refuse_revoked(revoked);
      if (!stream->session.failure().empty()) refused.push_back(conn);
    }
  }
  // What the driver does when it is told may end others of them.
  for (const ConnId conn : refused) {
    if (find(conn) != nullptr) fail(conn);
  }
}

// ---- Beginnings.

ConnId TlsStreams::on_accepted(Door door, const Remote& remote) {
  if (!remote.secure) return listener_.on_accepted(door, remote);
  const Context& context = door == Door::kPeer ? peers_ : https_;
  drop_oldest_handshake();
  auto stream = std::make_unique<Stream>(*context, tls::Side::kAcceptor, revoked_);
  stream->door = door;
  stream->remote = remote;
  stream->who = name_of_stranger(door, remote);
  stream->deadline = mono_now() + limits::kHandshakeTimeout;
  const ConnId arrival = next_arrival_++;
  arrivals_.emplace(arrival, std::move(stream));
  watch_handshakes();
  return arrival;
}

bool TlsStreams::has_arrivals(Door door) const {
  const Instant recent = mono_now() - limits::kDrainFirstRequest;
  return std::any_of(arrivals_.begin(), arrivals_.end(), [&](const auto& one) {
    return one.second->door == door && one.second->deadline - limits::kHandshakeTimeout > recent;
  });
}

void TlsStreams::dial(ConnId conn, const std::string& address) {
  if (peers_) {
    auto stream = std::make_unique<Stream>(*peers_, tls::Side::kDialler, revoked_);
    stream->dialled = true;
    stream->who = "the node at " + address;
    streams_.emplace(conn, std::move(stream));
  }
  tcp_.dial(conn, address);
}

void TlsStreams::on_dialled(ConnId conn) {
  Stream* stream = find(conn);
  if (stream == nullptr) {
    listener_.on_dialled(conn);
  } else {
    flush(conn, *stream, 0);
  }
}

// The handshake is done: the driver may know. Returns the id it knows the stream by, or 0 if that is gone.
ConnId TlsStreams::report(ConnId conn) {
  Stream& stream = *find(conn);
  stream.reported = true;
  if (stream.dialled) {
    listener_.on_dialled(conn);
  } else {
    const ConnId given = listener_.on_accepted(stream.door, stream.remote);
    if (given == 0) {
      close(conn);
      return 0;
    }
    auto node = arrivals_.extract(conn);
    node.key() = given;
    streams_.insert(std::move(node));
    tcp_.rename(conn, given);
    conn = given;
  }
  Stream* left = find(conn);
  if (left == nullptr || !write_waiting(conn, *left)) return 0;
  return conn;
}

// ---- Bytes.

void TlsStreams::on_bytes(ConnId conn, std::string_view bytes) {
  Stream* stream = find(conn);
  if (stream == nullptr) {
    listener_.on_bytes(conn, bytes);
    return;
  }
  stream->session.receive(bytes);
  flush(conn, *stream, 0);
  if (stream->session.established() && !stream->reported) {
    conn = report(conn);
    stream = find(conn);
    if (stream == nullptr) return;
  }
  // What arrived before a failure was sound.
  if (stream->reported) {
    if (const std::string plaintext = stream->session.take_plaintext(); !plaintext.empty()) {
      listener_.on_bytes(conn, plaintext);
      stream = find(conn);
      if (stream == nullptr) return;
    }
  }
  const bool clogged = stream->control > limits::kTlsControlBytesMax;
  if (!stream->session.failure().empty() || clogged) {
    fail(conn);
  } else if (stream->session.input_closed()) {
    on_end_of_input(conn);
  }
}

void TlsStreams::on_end_of_input(ConnId conn) {
  Stream* stream = find(conn);
  if (stream != nullptr && !stream->reported) {
    // Whoever leaves within the handshake is nobody the driver has to hear of, unless it dialled.
    const bool dialled = stream->dialled;
    close(conn);
    if (dialled) listener_.on_ended(conn, LinkEnd::kEndOfFile);
    return;
  }
  // TLS may have said so before TCP does.
  const bool told = stream != nullptr && std::exchange(stream->input_ended, true);
  if (!told) listener_.on_end_of_input(conn);
}

size_t TlsStreams::write(ConnId conn, std::string&& bytes) {
  Stream* stream = find(conn);
  if (stream == nullptr) return tcp_.write(conn, std::move(bytes));
  if (!stream->session.failure().empty()) return 0;
  if (!stream->session.established() || !stream->reported) {
    stream->waiting += bytes;
    return 0;
  }
  stream->session.send(bytes);
  return flush(conn, *stream, bytes.size());
}

// False if that was the end of the stream.
bool TlsStreams::write_waiting(ConnId conn, Stream& stream) {
  if (stream.waiting.empty()) return true;
  const std::string bytes = std::exchange(stream.waiting, {});
  stream.session.send(bytes);
  const size_t left = flush(conn, stream, bytes.size());
  if (left > 0) listener_.on_written(conn, left);
  return find(conn) != nullptr;
}

// Hands the session's output to TCP; `plaintext` is how much of what the driver wrote it carries. Returns how
// much of that has left.
size_t TlsStreams::flush(ConnId conn, Stream& stream, size_t plaintext) {
  std::string output = stream.session.take_output();
  if (output.empty()) return 0;
  const size_t size = output.size();
  const size_t left = tcp_.write(conn, std::move(output));
  if (left == size) return plaintext;
  stream.flights.push_back({size - left, plaintext});
  if (plaintext == 0) stream.control += size - left;
  return 0;
}

void TlsStreams::on_written(ConnId conn, size_t bytes) {
  Stream* stream = find(conn);
  if (stream == nullptr) {
    listener_.on_written(conn, bytes);
    return;
  }
  size_t plaintext = 0;
  while (bytes > 0 && !stream->flights.empty()) {
    Flight& first = stream->flights.front();
    const size_t taken = std::min(bytes, first.ciphertext);
    bytes -= taken;
    first.ciphertext -= taken;
    if (first.plaintext == 0) stream->control -= taken;
    if (first.ciphertext > 0) break;
    plaintext += first.plaintext;
    stream->flights.pop_front();
  }
  if (plaintext > 0) listener_.on_written(conn, plaintext);
}

size_t TlsStreams::backlog(ConnId conn) const {
  const auto at = streams_.find(conn);
  return tcp_.backlog(conn) + (at == streams_.end() ? 0 : at->second->waiting.size());
}

// ---- Ends.

void TlsStreams::close(ConnId conn) {
  if (Stream* stream = find(conn)) {
    stream->session.close();
    flush(conn, *stream, 0);
    home_of(conn).erase(conn);
  }
  tcp_.close(conn);
}

void TlsStreams::on_ended(ConnId conn, LinkEnd how) {
  const Stream* stream = find(conn);
  const bool known = stream == nullptr || stream->is_known();
  home_of(conn).erase(conn);
  if (known) listener_.on_ended(conn, how);
}

// The other end broke TLS. What it is told of that, an alert, goes out before the stream is closed.
void TlsStreams::fail(ConnId conn) {
  const Stream& stream = *find(conn);
  const std::string& failure = stream.session.failure();
  complain(stream.who + " " + (failure.empty() ? "takes no answers of TLS in" : failure));
  ++failures_;
  const bool known = stream.is_known();
  home_of(conn).erase(conn);
  tcp_.close(conn);
  if (known) listener_.on_ended(conn, LinkEnd::kProtocol);
}

void TlsStreams::complain(const std::string& text) {
  if (const std::optional<std::string> line = complaints_.admit(text, mono_now())) {
    listener_.on_complaint(*line);
  }
}

std::optional<NodeId> TlsStreams::proven_identity(ConnId conn) const {
  const auto at = streams_.find(conn);
  if (at == streams_.end() || !at->second->reported) return std::nullopt;
  // Also once the stream has failed: what came before the failure is handed on, and is no less that node's.
  // Where no node was proven the empty name is nobody's.
  return at->second->session.peer_node().value_or(NodeId{});
}

// ---- Handshakes that take too long.

// Whoever fills the room is himself the first to go: an honest handshake takes milliseconds.
void TlsStreams::drop_oldest_handshake() {
  if (arrivals_.size() < limits::kTlsHandshakesMax) return;
  complain("more than " + std::to_string(limits::kTlsHandshakesMax) +
           " TLS handshakes are under way; the oldest is dropped");
  close(arrivals_.begin()->first);
}

void TlsStreams::drop_late_handshakes() {
  const Instant now = mono_now();
  while (!arrivals_.empty() && arrivals_.begin()->second->deadline <= now) {
    complain(arrivals_.begin()->second->who + " does not finish its TLS handshake");
    close(arrivals_.begin()->first);
  }
}

void TlsStreams::watch_handshakes() {
  if (timer_runs_ || arrivals_.empty()) return;
  timer_runs_ = true;
  const Duration wait = std::max(arrivals_.begin()->second->deadline - mono_now(), Duration::zero());
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  uv_timer_start(
      handshake_timer_->get(), [](uv_timer_t* handle) { Handle<uv_timer_t>::call(handle); },
      static_cast<uint64_t>(wait_ms), 0);
}

}  // namespace patronus::uv
