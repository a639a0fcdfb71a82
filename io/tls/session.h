// One TLS connection without the socket: ciphertext in any chunks in, plaintext out; plaintext in, ciphertext
// out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "io/tls/context.h"
#include "io/tls/revocation.h"

namespace patronus::tls {

enum class Side : uint8_t { kDialler, kAcceptor };

class Session {
 public:
  // The dialler has its first bytes to write from the beginning. The session goes on with the context it was
  // made with, whatever becomes of it. Where a certificate is asked for, those that `revoked` lists, if
  // anything, are refused.
  Session(const Context& context, Side side, std::shared_ptr<const RevocationLists> revoked = nullptr);
  // OpenSSL holds its address.
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Goes by these lists from now on. If they have a certificate that the other end has proven itself with,
  // that is a failure.
  void refuse_revoked(std::shared_ptr<const RevocationLists> revoked);

  // Takes ciphertext that arrived. Everything it makes readable is in take_plaintext() afterwards; nothing
  // but a record that is not whole yet is kept. After a failure or the other end's close bytes are ignored.
  void receive(std::string_view ciphertext);
  [[nodiscard]] std::string take_plaintext();

  // Encrypts for take_output(). Only while established.
  void send(std::string_view plaintext);
  // Says in TLS that no more is sent (close_notify); nothing follows.
  void close();
  // Ciphertext to be written, in order.
  [[nodiscard]] std::string take_output();

  // The handshake is done, the other end's certificate is accepted, and nothing has failed.
  bool established() const { return established_ && failure_.empty(); }
  // The other end has said that it sends no more.
  bool input_closed() const { return input_closed_; }
  // Why the connection must be closed, a verb first: "shows no certificate". An alert that says so to the
  // other end may be left in take_output().
  const std::string& failure() const { return failure_; }
  // The node that the other end's certificate proves; nothing where none was asked for.
  const std::optional<NodeId>& peer_node() const { return peer_node_; }

 private:
  struct Access;  // for OpenSSL's callbacks

  void shake_hands();
  void read_all();
  void fail();

  SslHandle ssl_;
  std::shared_ptr<const RevocationLists> revoked_;
  bool established_ = false;
  bool input_closed_ = false;
  bool output_closed_ = false;
  std::string failure_;
  std::string refusal_;  // why a certificate was refused, in words
  std::optional<NodeId> peer_node_;
  std::string_view input_;  // only while it is read
  std::string plaintext_;
  std::string output_;
};

}  // namespace patronus::tls
