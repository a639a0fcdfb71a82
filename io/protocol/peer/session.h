// One connection between two nodes, without the socket: bytes in any chunks in, messages out. The dialler
// says hello first and, once answered, sends; the acceptor answers and receives.
//
//   frame: length of payload (4), CRC-32C of type and payload (4), type (1), payload
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/event.h"
#include "core/raft/message.h"

namespace patronus::peer {

inline constexpr size_t kFrameHeaderBytes = 9;

enum class Side : uint8_t { kDialler, kAcceptor };

class Session {
 public:
  // `expected` is the id the dialler means to reach, empty for whoever answers there.
  Session(Side side, PeerIdentity self, NodeId expected, Instant now);

  // Takes bytes that arrived. After a failure they are ignored.
  void feed(std::string_view bytes);
  // Bytes to be written; empty when there are none.
  [[nodiscard]] std::string take_output();
  size_t output_bytes() const { return output_.size(); }

  // Both sides have said hello and accepted each other.
  bool established() const { return peer_.has_value() && failure_.empty(); }
  const PeerIdentity& peer() const { return *peer_; }

  // The version that both speak, once established.
  protocol::Version version() const { return version_; }

  // Queues a message; only the dialler of an established session sends.
  void send(const Message& message);
  // Messages that arrived whole, in order.
  [[nodiscard]] std::vector<Message> take_messages();

  // This end leaves on purpose.
  void goodbye();
  // The other end left on purpose.
  bool said_goodbye() const { return said_goodbye_; }

  // Why the connection must be closed; empty while it is sound.
  const std::string& failure() const { return failure_; }
  // Of a failure: the other end is this very process, at whatever address it was reached.
  bool met_itself() const { return met_itself_; }
  // Of a failure: the other end goes on from what was left of this node's own cluster, as another one.
  const std::optional<PeerIdentity>& successor() const { return successor_; }
  // The handshake must be done by then.
  Instant deadline() const { return established() ? Instant::never() : handshake_deadline_; }

 private:
  enum class FrameType : uint8_t { kHello = 1, kMessage = 2, kGoodbye = 3 };

  void queue_hello();
  void on_frame(FrameType type, std::string_view payload);
  void on_hello(std::string_view payload);
  void meet_namesake(const PeerIdentity& peer);
  void refuse_cluster(PeerIdentity&& peer);
  void fail(std::string why);
  // Writes a frame around what `fill` appends.
  template <typename Fill>
  void frame(FrameType type, Fill&& fill);

  Side side_;
  PeerIdentity self_;
  NodeId expected_;
  std::optional<PeerIdentity> peer_;
  protocol::Version version_ = protocol::kOldest;
  bool said_goodbye_ = false;
  bool met_itself_ = false;
  std::optional<PeerIdentity> successor_;
  std::string failure_;
  Instant handshake_deadline_;
  std::string input_;
  std::string output_;
  std::vector<Message> messages_;
};

}  // namespace patronus::peer
