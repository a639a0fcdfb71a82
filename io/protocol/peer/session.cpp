#include "io/protocol/peer/session.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"

namespace patronus::peer {
namespace {

constexpr uint32_t kMagic = 0x4e525450;  // "PTRN"
constexpr size_t kHelloBytesMax = 2048;

}  // namespace

Session::Session(Side side, PeerIdentity self, NodeId expected, Instant now)
    : side_(side),
      self_(std::move(self)),
      expected_(std::move(expected)),
      handshake_deadline_(now + limits::kHandshakeTimeout) {
  if (side_ == Side::kDialler) queue_hello();
}

template <typename Fill>
void Session::frame(FrameType type, Fill&& fill) {
  const size_t begin = output_.size();
  output_.append(kFrameHeaderBytes, '\0');
  output_[begin + 8] = static_cast<char>(type);
  fill(output_);
  const std::string_view guarded = std::string_view(output_).substr(begin + 8);
  PATRONUS_ASSERT(guarded.size() - 1 <= limits::kFrameBytesMax, "what is sent fits a frame");
  std::string header;
  Writer head(header);
  head.u32(static_cast<uint32_t>(guarded.size() - 1));
  head.u32(crc32c(guarded));
  output_.replace(begin, header.size(), header);
}

void Session::queue_hello() {
  frame(FrameType::kHello, [&](std::string& bytes) {
    Writer out(bytes);
    out.u32(kMagic);
    out.u16(self_.protocol);
    out.u16(protocol::kOldest);
    out.bytes(self_.id);
    out.u64(self_.incarnation.value);
    encode(out, self_.cluster_id);
    out.bytes(self_.peer_address);
    out.bytes(self_.api_address);
    out.bytes(self_.version);
    out.boolean(self_.rebuilds);
    out.u64(self_.boot);
    out.u64(self_.process);
    out.bytes(expected_);
    // What versions after the oldest add; earlier ones pass over it, and over what comes behind what they
    // know.
    std::string more;
    Writer added(more);
    added.u32(static_cast<uint32_t>(self_.former.size()));
    for (const ClusterId& cluster : self_.former) encode(added, cluster);
    added.u64(self_.life);
    added.u32(static_cast<uint32_t>(self_.processes.size()));
    for (const uint64_t process : self_.processes) added.u64(process);
    out.bytes(more);
  });
}

void Session::feed(std::string_view bytes) {
  if (!failure_.empty()) return;
  input_.append(bytes);
  size_t at = 0;
  while (failure_.empty() && input_.size() - at >= kFrameHeaderBytes) {
    Reader head(std::string_view(input_).substr(at, kFrameHeaderBytes));
    const uint32_t size = head.u32();
    const uint32_t crc = head.u32();
    const size_t size_max = peer_ ? limits::kFrameBytesMax : kHelloBytesMax;
    if (size > size_max) {
      fail("a frame of " + std::to_string(size) + " bytes; at most " + std::to_string(size_max) +
           " are allowed here");
      break;
    }
    if (input_.size() - at < kFrameHeaderBytes + size) break;
    const std::string_view guarded = std::string_view(input_).substr(at + 8, size + 1);
    if (crc32c(guarded) != crc) {
      fail("a frame with a wrong checksum");
      break;
    }
    on_frame(static_cast<FrameType>(guarded[0]), guarded.substr(1));
    at += kFrameHeaderBytes + size;
  }
  input_.erase(0, at);
}

void Session::on_frame(FrameType type, std::string_view payload) {
  if (!peer_ && type != FrameType::kHello) {
    fail("something else than a hello came first");
    return;
  }
  switch (type) {
    case FrameType::kHello:
      on_hello(payload);
      return;
    case FrameType::kGoodbye:
      said_goodbye_ = true;
      return;
    case FrameType::kMessage: {
      if (side_ == Side::kDialler) {
        fail("a message against the direction of the connection");
        return;
      }
      std::optional<Message> message = decode_message(payload, version_);
      if (!message) {
        fail("a message that can't be read");
        return;
      }
      messages_.push_back(std::move(*message));
      return;
    }
  }
  fail("a frame of an unknown type");
}

void Session::on_hello(std::string_view payload) {
  if (peer_) {
    fail("a second hello");
    return;
  }
  Reader in(payload);
  if (in.u32() != kMagic) {
    fail("not a node of this kind");
    return;
  }
  PeerIdentity peer;
  peer.protocol = in.u16();
  // Before protocol 4 it was that one or none.
  const protocol::Version oldest = peer.protocol < protocol::kOldest ? peer.protocol : in.u16();
  if (peer.protocol < protocol::kOldest || oldest > self_.protocol || oldest > peer.protocol) {
    const auto range = [](protocol::Version from, protocol::Version to) {
      return from == to ? "protocol " + std::to_string(to)
                        : "protocols " + std::to_string(from) + " to " + std::to_string(to);
    };
    fail("speaks " + range(oldest, peer.protocol) + ", this node " +
         range(protocol::kOldest, self_.protocol) +
         "; upgrade by way of a version that speaks one of either");
    return;
  }
  peer.id = in.text(limits::kNodeIdBytesMax);
  peer.incarnation = Incarnation{in.u64()};
  peer.cluster_id = decode_cluster_id(in);
  peer.peer_address = in.text(limits::kAddressBytesMax);
  peer.api_address = in.text(limits::kAddressBytesMax);
  peer.version = in.text(limits::kVersionBytesMax);
  peer.rebuilds = in.boolean();
  peer.boot = in.u64();
  peer.process = in.u64();
  const NodeId wanted = in.text(limits::kNodeIdBytesMax);
  const std::string more = in.text(kHelloBytesMax);
  if (!more.empty()) {
    Reader added(more);
    for (size_t n = added.count(limits::kFormerClustersKept, 16); n > 0; --n)
      peer.former.push_back(decode_cluster_id(added));
    if (peer.protocol >= protocol::kDiskLives) {
      peer.life = added.u64();
      for (size_t n = added.count(limits::kLifeProcessesMax, 8); n > 0; --n)
        peer.processes.push_back(added.u64());
    }
    if (!added.ok()) in.fail();
  }
  if (!in.done() || !is_node_id(peer.id) || !peer.incarnation) {
    fail("a hello that can't be read");
  } else if (!wanted.empty() && wanted != self_.id) {
    fail("looks for node " + wanted + ", this is " + self_.id);
  } else if (!expected_.empty() && peer.id != expected_) {
    fail("is node " + peer.id + ", expected " + expected_);
  } else if (peer.id == self_.id) {
    meet_namesake(peer);
  } else if (peer.cluster_id && self_.cluster_id && peer.cluster_id != self_.cluster_id) {
    refuse_cluster(std::move(peer));
  } else {
    version_ = std::min(peer.protocol, self_.protocol);
    peer_ = std::move(peer);
    if (side_ == Side::kAcceptor) queue_hello();
  }
}

// Another process may have its data directory, if somebody has copied that.
void Session::meet_namesake(const PeerIdentity& peer) {
  met_itself_ =
      peer.incarnation == self_.incarnation && peer.boot == self_.boot && peer.process == self_.process;
  if (met_itself_) {
    // So that the dialling end knows where it has come to.
    if (side_ == Side::kAcceptor) queue_hello();
    fail("is this node itself");
  } else {
    fail("has this node's own id " + self_.id +
         (peer.incarnation == self_.incarnation ? " and its data directory" : ""));
  }
}

// One of the two may go on from what was left of the other's cluster, and the other must hear of it.
void Session::refuse_cluster(PeerIdentity&& peer) {
  const auto has = [](const std::vector<ClusterId>& clusters, const ClusterId& one) {
    return std::find(clusters.begin(), clusters.end(), one) != clusters.end();
  };
  const std::string theirs = peer.cluster_id.hex();
  const std::string own = self_.cluster_id.hex();
  if (has(self_.former, peer.cluster_id)) {
    if (side_ == Side::kAcceptor) queue_hello();
    fail("belongs to cluster " + theirs + ", which was given up and goes on as " + own +
         "; it may come back with an empty data directory");
  } else if (has(peer.former, self_.cluster_id)) {
    fail("says that cluster " + own + " was given up and goes on as " + theirs);
    successor_ = std::move(peer);
  } else {
    fail("belongs to cluster " + theirs + ", this node to " + own);
  }
}

void Session::send(const Message& message) {
  PATRONUS_ASSERT(side_ == Side::kDialler && established(),
                  "messages go out over established links one dialled");
  frame(FrameType::kMessage, [&](std::string& bytes) { encode_message(bytes, message, version_); });
}

void Session::goodbye() {
  if (established()) frame(FrameType::kGoodbye, [](std::string&) {});
}

std::string Session::take_output() { return std::exchange(output_, {}); }
std::vector<Message> Session::take_messages() { return std::exchange(messages_, {}); }

void Session::fail(std::string why) { failure_ = std::move(why); }

}  // namespace patronus::peer
