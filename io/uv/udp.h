// A UDP socket over libuv.
#pragma once

#include <uv.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/config/address.h"
#include "io/sdwan/udp_address.h"

namespace patronus::uv {

class UdpSocket {
 public:
  // Called from the loop for each datagram that comes in, whole; one longer than kProbeDatagramBytesMax is
  // cut there.
  using OnDatagram = std::function<void(const sdwan::UdpAddress& from, std::string_view datagram)>;
  UdpSocket(uv_loop_t* loop, OnDatagram on_datagram);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // Opens the socket at an address of numbers (port 0: any that is free) and listens. A socket of IPv6 speaks
  // IPv4 as well where it is bound to no address. Nothing on success, else why not. Once.
  [[nodiscard]] std::optional<std::string> open(const Address& address);
  // Where it is open; port 0 if it is not.
  [[nodiscard]] Address bound() const;

  // Leaves at once or not at all.
  [[nodiscard]] sdwan::Sent send(const sdwan::UdpAddress& to, std::string_view datagram);

 private:
  struct Socket;

  Socket* socket_;  // lives until libuv has closed it
};

}  // namespace patronus::uv
