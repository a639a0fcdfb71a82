#include "bench/client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace patronus::bench {

Address resolve(const Target& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found);
  if (result != 0) throw std::runtime_error(target.authority() + ": " + gai_strerror(result));
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  address.family = found->ai_family;
  freeaddrinfo(found);
  return address;
}

Client::Client(int epoll, std::uint32_t index, const Address& address, std::unique_ptr<Protocol> protocol)
    : epoll_(epoll), index_(index), address_(address), protocol_(std::move(protocol)) {}

Client::~Client() { close(); }

Client::Event Client::start(const Operation& operation, Clock::time_point now, Reply& reply) {
  operation_ = operation;
  issued_ = now;
  busy_ = true;
  if (fd_ < 0 && !open()) return fail("connect", reply);
  protocol_->request(operation, out_);
  return connecting_ ? Event::kNothing : flush(reply);
}

Client::Event Client::on_ready(std::uint32_t epoll_events, Reply& reply) {
  if (fd_ < 0) return Event::kNothing;
  if (connecting_) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
      return fail("connect", reply);
    connecting_ = false;
  }
  if (sent_ < out_.size()) {
    const Event event = flush(reply);
    if (event == Event::kReply) return event;
  }
  return (epoll_events & ~std::uint32_t{EPOLLOUT}) != 0 ? receive(reply) : Event::kNothing;
}

void Client::abandon() {
  close();
  busy_ = false;
}

bool Client::open() {
  fd_ = socket(address_.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connecting_ = true;
  watching_writable_ = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u32 = index_;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) != 0) return false;
  const auto* address = reinterpret_cast<const sockaddr*>(&address_.storage);
  if (connect(fd_, address, address_.length) != 0 && errno != EINPROGRESS) return false;
  protocol_->connected(out_);
  return true;
}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  connecting_ = false;
  out_.clear();
  sent_ = 0;
}

void Client::watch(bool writable) {
  if (writable == watching_writable_) return;
  watching_writable_ = writable;
  epoll_event event{};
  event.events = EPOLLIN;
  if (writable) event.events |= EPOLLOUT;
  event.data.u32 = index_;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
}

Client::Event Client::flush(Reply& reply) {
  while (sent_ < out_.size()) {
    const ssize_t size = send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      watch(true);
      return Event::kNothing;
    }
    if (size < 0) return fail("closed", reply);
    sent_ += static_cast<std::size_t>(size);
  }
  out_.clear();
  sent_ = 0;
  watch(false);
  return Event::kNothing;
}

Client::Event Client::receive(Reply& reply) {
  std::array<char, 65536> buffer;
  const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Event::kNothing;
  if (size <= 0) return fail("closed", reply);
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
  // HTTP/2 has frames of its own between requests. In HTTP/1.1 bytes that nobody asked for mean a broken
  // server.
  const bool was_busy = busy_;
  const Progress progress = protocol_->consume(bytes, out_, reply);
  if (progress == Progress::kMore || !was_busy) {
    if (progress == Progress::kDoneAndClose) close();
    return fd_ >= 0 ? flush(reply) : Event::kNothing;
  }
  busy_ = false;
  if (progress == Progress::kDoneAndClose) close();
  return Event::kReply;
}

Client::Event Client::fail(const std::string& why, Reply& reply) {
  close();
  if (!busy_) return Event::kNothing;
  busy_ = false;
  reply = {false, why, {}};
  return Event::kReply;
}

}  // namespace patronus::bench
