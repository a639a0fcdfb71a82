#include "io/uv/tcp.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "core/base/assert.h"
#include "core/base/limits.h"

#include "io/uv/loop.h"

namespace patronus::uv {
namespace {

constexpr int kBacklog = 1024;
constexpr size_t kReadBytes = 256 * 1024;
constexpr uint64_t kLingerMs = 2000;
constexpr unsigned kPeerKeepaliveSeconds = 5;
constexpr unsigned kPeerUserTimeoutMs = 5000;

LinkEnd end_of(int code) {
  switch (code) {
    case UV_EOF:
      return LinkEnd::kEndOfFile;
    case UV_ECONNREFUSED:
      return LinkEnd::kRefused;
    case UV_ETIMEDOUT:
      return LinkEnd::kTimeout;
    default:
      return LinkEnd::kReset;
  }
}

void tune(uv_tcp_t* tcp, Door door) {
  uv_tcp_nodelay(tcp, 1);
  if (door != Door::kPeer) return;
  // A peer that vanished without a word is noticed by unacknowledged data or unanswered probes.
  uv_tcp_keepalive(tcp, 1, kPeerKeepaliveSeconds);
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(tcp), &fd) == 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kPeerUserTimeoutMs, sizeof(kPeerUserTimeoutMs));
  }
}

std::string remote_ip(const uv_tcp_t* tcp) {
  sockaddr_storage from{};
  int size = sizeof(from);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (uv_tcp_getpeername(tcp, reinterpret_cast<sockaddr*>(&from), &size) != 0) return "";
  if (uv_ip_name(reinterpret_cast<const sockaddr*>(&from), text.data(), text.size()) != 0) return "";
  return text.data();
}

}  // namespace

// Lives until libuv has closed its handles. `owner` is cleared once nothing may be reported of it any more.
struct TcpStreams::Stream {
  uv_tcp_t tcp{};
  uv_timer_t linger{};
  uv_connect_t connecting{};
  uv_shutdown_t shutting{};
  TcpStreams* owner = nullptr;
  ConnId conn = 0;
  Door door = Door::kPeer;
  size_t backlog = 0;
  bool reading = false;
  bool paused = false;
  bool input_ended = false;
  bool finishing = false;  // closed by the driver; only the last bytes are awaited
  bool closing = false;
  LinkEnd failure = LinkEnd::kReset;
  int handles = 2;
};

struct TcpStreams::Listening {
  uv_tcp_t tcp{};
  TcpStreams* owner = nullptr;
  Door door = Door::kPeer;
  bool secure = false;
};

struct TcpStreams::Resolving {
  uv_getaddrinfo_t request{};
  TcpStreams* owner = nullptr;
  ConnId conn = 0;
};

struct TcpStreams::Writing {
  uv_write_t request{};
  Stream* stream = nullptr;
  std::string bytes;
};

TcpStreams::TcpStreams(uv_loop_t* loop, Listener& listener)
    : loop_(loop), listener_(listener), buffer_(kReadBytes) {}

TcpStreams::~TcpStreams() { shut_down(); }

void TcpStreams::stop_listening(Door door) {
  std::erase_if(listening_, [&](Listening* listening) {
    if (listening->door != door) return false;
    uv_close(reinterpret_cast<uv_handle_t*>(&listening->tcp),
             [](uv_handle_t* handle) { delete static_cast<Listening*>(handle->data); });
    return true;
  });
}

void TcpStreams::shut_down() {
  for (const Door door : {Door::kPeer, Door::kHttp}) stop_listening(door);
  for (const auto& [conn, stream] : std::exchange(streams_, {})) release(stream);
  for (Stream* stream : std::set<Stream*>(finishing_)) release(stream);
  // A look-up that can't be cancelled ends by itself and must find nobody.
  for (Resolving* resolving : std::exchange(resolving_, {})) {
    resolving->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&resolving->request));
  }
}

TcpStreams::Stream* TcpStreams::add(ConnId conn, Door door) {
  auto* stream = new Stream;
  uv_tcp_init(loop_, &stream->tcp);
  uv_timer_init(loop_, &stream->linger);
  stream->tcp.data = stream;
  stream->linger.data = stream;
  stream->owner = this;
  stream->conn = conn;
  stream->door = door;
  if (conn != 0) streams_[conn] = stream;
  return stream;
}

TcpStreams::Stream* TcpStreams::find(ConnId conn) const {
  const auto at = streams_.find(conn);
  return at == streams_.end() ? nullptr : at->second;
}

std::optional<std::string> TcpStreams::listen(Door door, const Address& address, bool secure) {
  auto* listening = new Listening;
  uv_tcp_init(loop_, &listening->tcp);
  listening->tcp.data = listening;
  listening->owner = this;
  listening->door = door;
  listening->secure = secure;
  listening_.push_back(listening);
  sockaddr_storage where{};
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  const bool numeric = uv_ip4_addr(host.c_str(), address.port, reinterpret_cast<sockaddr_in*>(&where)) == 0 ||
                       uv_ip6_addr(host.c_str(), address.port, reinterpret_cast<sockaddr_in6*>(&where)) == 0;
  if (!numeric) return "'" + address.text() + "' can't be listened on; give an IP address";
  int code = uv_tcp_bind(&listening->tcp, reinterpret_cast<const sockaddr*>(&where), 0);
  if (code == 0) {
    code = uv_listen(
        reinterpret_cast<uv_stream_t*>(&listening->tcp), kBacklog, [](uv_stream_t* server, int status) {
          if (status != 0) return;
          auto* from = static_cast<Listening*>(server->data);
          TcpStreams* self = from->owner;
          Stream* stream = self->add(0, from->door);
          if (uv_accept(server, reinterpret_cast<uv_stream_t*>(&stream->tcp)) != 0) {
            self->release(stream);
            return;
          }
          tune(&stream->tcp, from->door);
          stream->conn = self->listener_.on_accepted(from->door, {remote_ip(&stream->tcp), from->secure});
          if (stream->conn == 0) {
            self->release(stream);
            return;
          }
          self->streams_[stream->conn] = stream;
          self->start_reading(stream);
        });
  }
  if (code != 0) return "'" + address.text() + "' can't be listened on: " + error_name(code);
  return std::nullopt;
}

void TcpStreams::dial(ConnId conn, const std::string& text) {
  Stream* stream = add(conn, Door::kPeer);
  const std::optional<Address> address = parse_address(text);
  if (!address) {
    fail_later(stream, LinkEnd::kRefused);
    return;
  }
  sockaddr_storage where{};
  if (uv_ip4_addr(address->host.c_str(), address->port, reinterpret_cast<sockaddr_in*>(&where)) == 0 ||
      uv_ip6_addr(address->host.c_str(), address->port, reinterpret_cast<sockaddr_in6*>(&where)) == 0) {
    connect(stream, reinterpret_cast<const sockaddr*>(&where));
    return;
  }
  // A look-up can outlast the patience of who dials by far, and then another one is asked for.
  if (resolving_.size() >= limits::kDialLookUpsMax) {
    fail_later(stream, LinkEnd::kTimeout);
    return;
  }
  auto* resolving = new Resolving;
  resolving->request.data = resolving;
  resolving->owner = this;
  resolving->conn = conn;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int code = uv_getaddrinfo(
      loop_, &resolving->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        auto* done = static_cast<Resolving*>(request->data);
        // The driver may have given up meanwhile; then the stream is gone.
        Stream* waiting = done->owner == nullptr ? nullptr : done->owner->find(done->conn);
        if (done->owner != nullptr) done->owner->resolving_.erase(done);
        if (waiting != nullptr && status == 0 && found != nullptr) {
          done->owner->connect(waiting, found->ai_addr);
        } else if (waiting != nullptr) {
          done->owner->ended(waiting, LinkEnd::kTimeout);
        }
        uv_freeaddrinfo(found);
        delete done;
      },
      address->host.c_str(), std::to_string(address->port).c_str(), &hints);
  if (code != 0) {
    delete resolving;
    fail_later(stream, LinkEnd::kTimeout);
  } else {
    resolving_.insert(resolving);
  }
}

void TcpStreams::connect(Stream* stream, const sockaddr* address) {
  stream->connecting.data = stream;
  const int code =
      uv_tcp_connect(&stream->connecting, &stream->tcp, address, [](uv_connect_t* request, int status) {
        auto* dialled = static_cast<Stream*>(request->data);
        if (dialled->closing || dialled->finishing) return;
        if (status != 0) {
          dialled->owner->ended(dialled, end_of(status));
          return;
        }
        tune(&dialled->tcp, Door::kPeer);
        dialled->owner->start_reading(dialled);
        dialled->owner->listener_.on_dialled(dialled->conn);
      });
  if (code != 0) fail_later(stream, end_of(code));
}

// Reports a failure from the loop rather than from inside the call that caused it.
void TcpStreams::fail_later(Stream* stream, LinkEnd how) {
  stream->failure = how;
  uv_timer_start(
      &stream->linger,
      [](uv_timer_t* timer) {
        auto* failed = static_cast<Stream*>(timer->data);
        failed->owner->ended(failed, failed->failure);
      },
      0, 0);
}

void TcpStreams::start_reading(Stream* stream) {
  if (stream->reading || stream->closing || stream->input_ended) return;
  stream->reading = true;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&stream->tcp),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto& bytes = static_cast<Stream*>(handle->data)->owner->buffer_;
        *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
      },
      [](uv_stream_t* handle, ssize_t n, const uv_buf_t* buffer) {
        auto* from = static_cast<Stream*>(handle->data);
        if (n == 0 || from->closing) return;
        if (from->finishing) {
          // Read and thrown away: closing with unread bytes would reset the connection and take the answer
          // along.
          if (n < 0) from->owner->release(from);
        } else if (n > 0) {
          from->owner->listener_.on_bytes(from->conn, {buffer->base, static_cast<size_t>(n)});
        } else if (n == UV_EOF) {
          uv_read_stop(handle);
          from->reading = false;
          from->input_ended = true;
          from->owner->listener_.on_end_of_input(from->conn);
        } else {
          from->owner->ended(from, end_of(static_cast<int>(n)));
        }
      });
}

size_t TcpStreams::write(ConnId conn, std::string&& bytes) {
  Stream* stream = find(conn);
  if (stream == nullptr || stream->closing || stream->finishing) return 0;
  auto* handle = reinterpret_cast<uv_stream_t*>(&stream->tcp);
  size_t left_at_once = 0;
  if (stream->backlog == 0) {
    uv_buf_t buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
    const int n = uv_try_write(handle, &buffer, 1);
    if (n > 0) left_at_once = static_cast<size_t>(n);
    if (left_at_once == bytes.size()) return left_at_once;
  }
  auto* writing = new Writing;
  writing->request.data = writing;
  writing->stream = stream;
  writing->bytes = left_at_once == 0 ? std::move(bytes) : bytes.substr(left_at_once);
  stream->backlog += writing->bytes.size();
  uv_buf_t buffer = uv_buf_init(writing->bytes.data(), static_cast<unsigned>(writing->bytes.size()));
  const int code = uv_write(&writing->request, handle, &buffer, 1, [](uv_write_t* request, int status) {
    auto* done = static_cast<Writing*>(request->data);
    Stream* to = done->stream;
    const size_t size = done->bytes.size();
    delete done;
    to->backlog -= size;
    if (to->closing || to->finishing) return;
    if (status == 0) {
      to->owner->listener_.on_written(to->conn, size);
    } else {
      to->owner->ended(to, end_of(status));
    }
  });
  if (code != 0) {
    stream->backlog -= writing->bytes.size();
    delete writing;
    fail_later(stream, end_of(code));
  }
  return left_at_once;
}

size_t TcpStreams::backlog(ConnId conn) const {
  const Stream* stream = find(conn);
  return stream == nullptr ? 0 : stream->backlog;
}

void TcpStreams::pause_reading(ConnId conn, bool pause) {
  Stream* stream = find(conn);
  if (stream == nullptr || stream->closing || stream->finishing || pause == stream->paused) return;
  stream->paused = pause;
  if (!pause) {
    start_reading(stream);
  } else if (stream->reading) {
    uv_read_stop(reinterpret_cast<uv_stream_t*>(&stream->tcp));
    stream->reading = false;
  }
}

void TcpStreams::rename(ConnId conn, ConnId to) {
  auto node = streams_.extract(conn);
  if (node.empty()) return;
  node.key() = to;
  node.mapped()->conn = to;
  const bool free = streams_.insert(std::move(node)).inserted;
  PATRONUS_ASSERT(free, "a stream is renamed to an id of its own");
}

void TcpStreams::close(ConnId conn) {
  Stream* stream = find(conn);
  if (stream == nullptr) return;
  streams_.erase(conn);
  finish(stream);
}

// Sends what is queued and the end of the stream, then waits for the other end's, but not for long.
void TcpStreams::finish(Stream* stream) {
  if (stream->closing || stream->finishing) return;
  stream->finishing = true;
  finishing_.insert(stream);
  auto* handle = reinterpret_cast<uv_stream_t*>(&stream->tcp);
  if (uv_is_writable(handle) == 0 || stream->input_ended) {
    if (stream->backlog == 0 || uv_is_writable(handle) == 0) {
      release(stream);
      return;
    }
  }
  const int code = uv_shutdown(&stream->shutting, handle, [](uv_shutdown_t* request, int) {
    auto* shut = static_cast<Stream*>(request->handle->data);
    if (shut->input_ended && !shut->closing) shut->owner->release(shut);
  });
  if (code != 0) {
    release(stream);
    return;
  }
  start_reading(stream);
  uv_timer_start(
      &stream->linger,
      [](uv_timer_t* timer) {
        auto* lingering = static_cast<Stream*>(timer->data);
        lingering->owner->release(lingering);
      },
      kLingerMs, 0);
}

void TcpStreams::release(Stream* stream) {
  if (stream->closing) return;
  stream->closing = true;
  finishing_.erase(stream);
  const auto closed = [](uv_handle_t* handle) {
    auto* gone = static_cast<Stream*>(handle->data);
    if (--gone->handles == 0) delete gone;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&stream->tcp), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&stream->linger), closed);
}

void TcpStreams::ended(Stream* stream, LinkEnd how) {
  if (stream->closing || stream->finishing) return;
  const ConnId conn = stream->conn;
  streams_.erase(conn);
  release(stream);
  listener_.on_ended(conn, how);
}

}  // namespace patronus::uv
