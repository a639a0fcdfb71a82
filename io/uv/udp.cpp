#include "io/uv/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/limits.h"

namespace patronus::uv {
namespace {

using sdwan::Sent;
using sdwan::UdpAddress;

constexpr std::array<uint8_t, 12> kMappedV4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, 2.5.5.2

// Of the socket's own family.
sockaddr_storage system_address(const UdpAddress& address, bool on_v6) {
  sockaddr_storage out{};
  if (!on_v6) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.data(), sizeof(v4->sin_addr));
    return out;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(address.port);
  if (address.is_v6) {
    std::memcpy(&v6->sin6_addr, address.ip.data(), sizeof(v6->sin6_addr));
  } else {
    std::memcpy(v6->sin6_addr.s6_addr, kMappedV4.data(), kMappedV4.size());
    std::memcpy(v6->sin6_addr.s6_addr + kMappedV4.size(), address.ip.data(), sizeof(in_addr));
  }
  return out;
}

UdpAddress own_address(const sockaddr* from) {
  UdpAddress out;
  if (from->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(from);
    out.port = ntohs(v4->sin_port);
    std::memcpy(out.ip.data(), &v4->sin_addr, sizeof(v4->sin_addr));
    return out;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(from);
  out.port = ntohs(v6->sin6_port);
  const uint8_t* ip = v6->sin6_addr.s6_addr;
  if (std::equal(kMappedV4.begin(), kMappedV4.end(), ip)) {
    std::memcpy(out.ip.data(), ip + kMappedV4.size(), sizeof(in_addr));
  } else {
    out.is_v6 = true;
    std::memcpy(out.ip.data(), ip, out.ip.size());
  }
  return out;
}

}  // namespace

struct UdpSocket::Socket {
  uv_udp_t udp{};
  OnDatagram on_datagram;
  bool is_open = false;
  bool is_v6 = false;
  std::array<char, limits::kProbeDatagramBytesMax> buffer{};  // each is handed on before the next
};

UdpSocket::UdpSocket(uv_loop_t* loop, OnDatagram on_datagram) : socket_(new Socket) {
  uv_udp_init(loop, &socket_->udp);
  socket_->udp.data = socket_;
  socket_->on_datagram = std::move(on_datagram);
}

UdpSocket::~UdpSocket() {
  socket_->on_datagram = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&socket_->udp),
           [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
}

std::optional<std::string> UdpSocket::open(const Address& address) {
  sockaddr_storage where{};
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  const bool is_v4 = uv_ip4_addr(host.c_str(), address.port, reinterpret_cast<sockaddr_in*>(&where)) == 0;
  if (!is_v4 && uv_ip6_addr(host.c_str(), address.port, reinterpret_cast<sockaddr_in6*>(&where)) != 0)
    return address.text() + ": must be a numeric address";
  socket_->is_v6 = !is_v4;
  int code = uv_udp_bind(&socket_->udp, reinterpret_cast<const sockaddr*>(&where), 0);
  if (code != 0) return address.text() + ": " + uv_strerror(code);
  // Answers come in bursts, while the loop may do something else. The system gives what it allows.
  int bytes = limits::kProbeSocketBytes;
  uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(&socket_->udp), &bytes);
  const auto lend = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    auto* socket = static_cast<Socket*>(handle->data);
    *buffer = uv_buf_init(socket->buffer.data(), static_cast<unsigned>(socket->buffer.size()));
  };
  const auto received = [](uv_udp_t* udp, ssize_t size, const uv_buf_t* buffer, const sockaddr* from,
                           unsigned) {
    auto* socket = static_cast<Socket*>(udp->data);
    if (size < 0 || from == nullptr || !socket->on_datagram) return;
    socket->on_datagram(own_address(from), {buffer->base, static_cast<size_t>(size)});
  };
  code = uv_udp_recv_start(&socket_->udp, lend, received);
  if (code != 0) return address.text() + ": " + uv_strerror(code);
  socket_->is_open = true;
  return std::nullopt;
}

Address UdpSocket::bound() const {
  sockaddr_storage where{};
  int size = sizeof(where);
  if (!socket_->is_open || uv_udp_getsockname(&socket_->udp, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  uv_ip_name(reinterpret_cast<const sockaddr*>(&where), text.data(), text.size());
  return {text.data(), own_address(reinterpret_cast<const sockaddr*>(&where)).port};
}

Sent UdpSocket::send(const UdpAddress& to, std::string_view datagram) {
  if (!socket_->is_open || (to.is_v6 && !socket_->is_v6)) return Sent::kNever;
  const sockaddr_storage where = system_address(to, socket_->is_v6);
  const uv_buf_t buffer =
      uv_buf_init(const_cast<char*>(datagram.data()), static_cast<unsigned>(datagram.size()));
  const int code = uv_udp_try_send(&socket_->udp, &buffer, 1, reinterpret_cast<const sockaddr*>(&where));
  if (code >= 0) return Sent::kLeft;
  return code == UV_EAGAIN || code == UV_ENOBUFS || code == UV_ENOMEM ? Sent::kNotNow : Sent::kNever;
}

}  // namespace patronus::uv
