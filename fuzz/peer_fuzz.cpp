// Any bytes to both ends of a link, as they are or in frames with right checksums, which no mutation finds by
// itself. However the bytes are cut, the same messages come out, the same bytes go, and the same fault is
// seen.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "io/protocol/peer/session.h"

namespace {

using namespace patronus;
using peer::Session;
using peer::Side;

// A hello is all that a session ever answers on its own; the dialler and the acceptor each say it once.
constexpr size_t kOutputBytesMax = 4096;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

PeerIdentity identity(const NodeId& id, uint64_t incarnation) {
  PeerIdentity self;
  self.id = id;
  self.incarnation = Incarnation{incarnation};
  self.cluster_id.words = {3, 4};
  self.peer_address = id + ":7001";
  self.api_address = id + ":8001";
  self.version = "fuzz";
  return self;
}

Session session(Side side) { return {side, identity("b", 2), side == Side::kDialler ? "a" : "", Instant{0}}; }

void append_frame(std::string& out, uint8_t type, std::string_view payload) {
  std::string guarded(1, static_cast<char>(type));
  guarded.append(payload);
  Writer head(out);
  head.u32(static_cast<uint32_t>(payload.size()));
  head.u32(crc32c(guarded));
  out.append(guarded);
}

// Reads a script: each step is a byte that says what comes, a byte of length, and so many bytes.
std::string framed(std::string_view script) {
  std::string out;
  while (script.size() >= 2) {
    const auto what = static_cast<uint8_t>(script[0]);
    // Appends carry entries, so some frames must be able to grow past one byte's worth.
    const size_t scale = what >= 0x80 ? 16 : 1;
    const size_t wanted = static_cast<uint8_t>(script[1]) * scale;
    script.remove_prefix(2);
    const std::string_view payload = script.substr(0, wanted);
    script.remove_prefix(payload.size());
    switch (what % 6) {
      case 0:
        out += Session(Side::kDialler, identity("a", 1), "", Instant{0}).take_output();
        break;
      case 1:
        append_frame(out, 1, payload);
        break;
      case 2:
        append_frame(out, 2, payload);
        break;
      case 3:
        append_frame(out, 3, payload);
        break;
      case 4:
        append_frame(out, payload.empty() ? 0 : static_cast<uint8_t>(payload[0]), payload);
        break;
      default:
        out.append(payload);
        break;
    }
  }
  return out;
}

struct Run {
  std::string messages;
  size_t message_count = 0;
  std::string output;
  std::string failure;
  bool established = false;
  bool said_goodbye = false;
};

void take(Session& session, Run& run) {
  require(session.output_bytes() <= kOutputBytesMax);
  run.output += session.take_output();
  require(session.output_bytes() == 0);
  for (const Message& message : session.take_messages()) {
    encode_message(run.messages, message);
    ++run.message_count;
  }
}

// A connection that failed is closed by its owner, but what the socket still holds may be fed before that.
void check_failed(Session& session, const Run& run) {
  session.feed("late");
  session.feed(Session(Side::kDialler, identity("a", 1), "", Instant{0}).take_output());
  session.goodbye();
  require(session.failure() == run.failure);
  require(session.take_output().empty());
  require(session.take_messages().empty());
  require(!session.established());
  require(session.deadline() != Instant::never());
}

// With `cuts` empty everything is fed at once.
Run run_session(Side side, std::string_view bytes, std::string_view cuts) {
  Session session = ::session(side);
  Run run;
  take(session, run);
  require(run.output.empty() == (side == Side::kAcceptor));
  const size_t bytes_all = bytes.size();
  size_t cut = 0;
  bool failed = false;
  while (!bytes.empty()) {
    const size_t wanted =
        cuts.empty() ? bytes.size() : static_cast<uint8_t>(cuts[cut++ % cuts.size()]) % 40 + size_t{1};
    const size_t size = std::min(wanted, bytes.size());
    const size_t messages_before = run.message_count;
    session.feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
    take(session, run);
    if (failed) require(run.message_count == messages_before && session.failure() == run.failure);
    failed = !session.failure().empty();
    run.failure = session.failure();
    require(!(failed && session.established()));
    if (session.established()) require(session.peer().id != "b" && session.deadline() == Instant::never());
  }
  // Every message took a frame of its own, and only an established acceptor takes any.
  require(run.message_count <= bytes_all / peer::kFrameHeaderBytes);
  require(run.message_count == 0 || side == Side::kAcceptor);
  require(run.output.size() <= kOutputBytesMax);
  run.established = session.established();
  run.said_goodbye = session.said_goodbye();
  if (failed) check_failed(session, run);
  return run;
}

void check(Side side, std::string_view bytes, std::string_view cuts) {
  const Run whole = run_session(side, bytes, {});
  for (const std::string_view way : {cuts, std::string_view("\0", 1)}) {
    const Run cut = run_session(side, bytes, way);
    require(cut.messages == whole.messages);
    require(cut.message_count == whole.message_count);
    require(cut.output == whole.output);
    require(cut.failure == whole.failure);
    require(cut.established == whole.established);
    require(cut.said_goodbye == whole.said_goodbye);
  }
}

// What the acceptor takes, an honest dialler must be able to send on: it arrives as it left.
void check_relay(std::string_view bytes) {
  Session acceptor = session(Side::kAcceptor);
  acceptor.feed(bytes);
  const std::vector<Message> messages = acceptor.take_messages();
  if (messages.empty()) return;
  Session from(Side::kDialler, identity("a", 1), "b", Instant{0});
  Session to = session(Side::kAcceptor);
  to.feed(from.take_output());
  from.feed(to.take_output());
  require(from.established() && to.established());
  for (const Message& message : messages) from.send(message);
  from.goodbye();
  to.feed(from.take_output());
  require(to.failure().empty() && to.said_goodbye());
  const std::vector<Message> arrived = to.take_messages();
  require(arrived.size() == messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    std::string sent;
    std::string received;
    encode_message(sent, messages[i]);
    encode_message(received, arrived[i]);
    require(sent == received);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t cut_count = std::min<size_t>(data[0] % 8, size - 1);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view cuts = input.substr(0, cut_count);
  const std::string_view rest = input.substr(cut_count);
  const bool raw = (data[0] & 0x80) != 0;
  const std::string bytes = raw ? std::string(rest) : framed(rest);
  check(Side::kAcceptor, bytes, cuts);
  check(Side::kDialler, bytes, cuts);
  check_relay(bytes);
  return 0;
}
