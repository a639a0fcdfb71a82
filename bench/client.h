#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/protocol.h"

namespace patronus::bench {

using Clock = std::chrono::steady_clock;

// A target's resolved address.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family = 0;
};

// Throws where the name cannot be resolved.
Address resolve(const Target& target);

// One connection in a closed loop: at most one request is outstanding. It reconnects by itself when it is
// given the next operation; a request that was on a connection that broke has failed and is never sent a
// second time.
class Client {
 public:
  enum class Event : std::uint8_t { kNothing, kReply };

  Client(int epoll, std::uint32_t index, const Address& address, std::unique_ptr<Protocol> protocol);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  bool busy() const { return busy_; }
  const Operation& operation() const { return operation_; }
  Clock::time_point issued() const { return issued_; }

  // Both give kReply, with `reply` filled, when the operation under way is over.
  Event start(const Operation& operation, Clock::time_point now, Reply& reply);
  Event on_ready(std::uint32_t epoll_events, Reply& reply);
  // Gives up the operation under way and the connection with it.
  void abandon();

 private:
  bool open();
  void close();
  Event flush(Reply& reply);
  Event receive(Reply& reply);
  Event fail(const std::string& why, Reply& reply);
  void watch(bool writable);

  int epoll_;
  std::uint32_t index_;
  Address address_;
  std::unique_ptr<Protocol> protocol_;
  int fd_ = -1;
  bool connecting_ = false;
  bool watching_writable_ = false;
  bool busy_ = false;
  Operation operation_;
  Clock::time_point issued_;
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace patronus::bench
