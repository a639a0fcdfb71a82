#include "sim/network.h"

#include "core/base/bytes.h"
#include "io/protocol/peer/session.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kStallCheck = 50ms;       // how often a blocked segment is tried again
constexpr Duration kStallLimit = 5s;         // after this the sender's kernel gives the stream up
constexpr Duration kSilentDeathNotice = 5s;  // keep-alive finds out about a host that vanished

// Where a frame says that it is a message, and what kind of message.
constexpr size_t kTypeAt = 8;
constexpr char kMessageType = 2;

size_t frame_size(std::string_view bytes) {
  return peer::kFrameHeaderBytes + Reader(bytes.substr(0, 4)).u32();
}

}  // namespace

Network::Network(Events& events, Tape& tape, const Profile& profile, Hosts& hosts)
    : events_(events),
      tape_(tape.track("network")),
      latency_(tape.track("latency")),
      profile_(profile),
      hosts_(hosts) {}

Network::Stream* Network::find(StreamId id) {
  const auto at = streams_.find(id);
  return at == streams_.end() ? nullptr : &at->second;
}

Duration Network::latency(HostId from, HostId to) {
  Duration latency = latency_.between(profile_.latency_min, profile_.latency_max);
  if (const auto slow = slow_.find({from, to}); slow != slow_.end()) latency += slow->second;
  return latency;
}

void Network::dial(HostId from, ConnId conn, HostId to, Door door) {
  const StreamId id = next_++;
  Stream stream;
  stream.door = door;
  stream.ends[0] = {from, conn, true, false, events_.now(), {}, false, {}};
  stream.ends[1] = {to, 0, false, false, events_.now(), {}, false, {}};
  streams_.emplace(id, std::move(stream));
  by_conn_[{from, conn}] = {id, 0};
  events_.after(latency(from, to), [this, id] { arrive_accept(id); });
}

void Network::arrive_accept(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->ends[0].open) return;
  const HostId from = stream->ends[0].host;
  const HostId to = stream->ends[1].host;
  // A first packet that is lost, or whose answer is, leaves the dialler waiting until it gives up.
  if (!reaches(from, to) || !reaches(to, from)) return;
  const bool refused = !hosts_.is_up(to) || (refusing_ && stream->door == Door::kPeer);
  const std::optional<ConnId> conn = refused ? std::nullopt : hosts_.on_accept(to, stream->door);
  stream = find(id);
  if (stream == nullptr) return;
  if (!conn) {
    events_.after(latency(to, from), [this, id] { end_side(id, 0, LinkEnd::kRefused); });
    return;
  }
  stream->established = true;
  if (*conn != 0) {
    stream->ends[1].conn = *conn;
    stream->ends[1].open = true;
    by_conn_[{to, *conn}] = {id, 1};
  }
  events_.after(latency(to, from), [this, id] {
    const Stream* dialled = find(id);
    if (dialled != nullptr && dialled->ends[0].open)
      hosts_.on_dialled(dialled->ends[0].host, dialled->ends[0].conn);
    dialled = find(id);
    if (dialled != nullptr && dialled->ends[1].conn == 0) deliver_end(id, 0);
  });
}

void Network::write(HostId host, ConnId conn, std::string bytes) {
  const auto at = by_conn_.find({host, conn});
  if (at == by_conn_.end()) return;
  const auto [id, side] = at->second;
  Stream& stream = streams_.at(id);
  if (!stream.established) return;
  const bool frames = frame_faults_ && stream.door == Door::kPeer && side == 0 && stream.greeted &&
                      (profile_.frame_loss || profile_.duplication || profile_.reordering);
  if (filter_ && stream.door == Door::kPeer && stream.greeted) bytes = filtered(stream, side, bytes);
  if (bytes.empty()) return;
  if (side == 0) stream.greeted = true;
  if (frames) {
    send_frames(id, side, bytes);
  } else {
    send_chunk(id, side, std::move(bytes), true);
  }
}

void Network::send_frames(StreamId id, int from, std::string_view bytes) {
  while (bytes.size() >= peer::kFrameHeaderBytes) {
    const size_t size = frame_size(bytes);
    const std::string frame(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
    if (profile_.frame_loss && tape_.chance(40)) {
      ++frames_lost_;
      if (recording_ != nullptr)
        note_frames(streams_.at(id), from, frame, events_.now() + profile_.latency_max, true);
      continue;
    }
    const bool overtakes = profile_.reordering && tape_.chance(60);
    frames_overtaken_ += overtakes ? 1 : 0;
    if (profile_.duplication && tape_.chance(40)) {
      ++frames_doubled_;
      send_chunk(id, from, frame, false);
    }
    send_chunk(id, from, frame, !overtakes);
  }
}

std::string Network::filtered(const Stream& stream, int from, std::string_view bytes) const {
  std::string passing;
  const HostId sender = stream.ends[from].host;
  const HostId receiver = stream.ends[1 - from].host;
  while (bytes.size() >= peer::kFrameHeaderBytes) {
    const std::string_view frame = bytes.substr(0, frame_size(bytes));
    bytes.remove_prefix(frame.size());
    const bool is_message = frame[kTypeAt] == kMessageType && frame.size() > peer::kFrameHeaderBytes;
    if (!is_message || filter_(sender, receiver, static_cast<uint8_t>(frame[peer::kFrameHeaderBytes])))
      passing += frame;
  }
  return passing;
}

void Network::note_frames(const Stream& stream, int from, std::string_view bytes, Instant arrives,
                          bool lost) {
  const HostId sender = stream.ends[from].host;
  const HostId receiver = stream.ends[1 - from].host;
  while (bytes.size() > peer::kFrameHeaderBytes) {
    const size_t size = frame_size(bytes);
    if (bytes[kTypeAt] == kMessageType) {
      recording_->messages.push_back({sender, receiver, events_.now(), arrives,
                                      static_cast<uint8_t>(bytes[peer::kFrameHeaderBytes]), lost,
                                      !reaches(sender, receiver)});
    }
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
}

void Network::send_chunk(StreamId id, int from, std::string bytes, bool in_order) {
  ++messages_;
  Stream& stream = streams_.at(id);
  End& sender = stream.ends[from];
  Duration wait = latency(sender.host, stream.ends[1 - from].host);
  if (!in_order) wait += tape_.between(0ms, 30ms);
  Instant when = events_.now() + wait;
  if (in_order) {
    when = std::max(when, sender.last_arrival);
    sender.last_arrival = when;
  }
  // What is said to a machine that lost its power goes nowhere until somebody notices.
  if (recording_ != nullptr && stream.door == Door::kPeer)
    note_frames(stream, from, bytes, when, !stream.ends[1 - from].open);
  const Instant since = events_.now();
  const int to = 1 - from;
  events_.at(when, [this, id, to, since, moved = std::move(bytes)]() mutable {
    arrive(id, to, std::move(moved), since);
  });
}

void Network::arrive(StreamId id, int to, std::string bytes, Instant since) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->ends[to].open) return;
  End& end = stream->ends[to];
  // What is sent later waits behind what could not get through, as retransmission makes it.
  if (!end.stalled.empty() || !reaches(stream->ends[1 - to].host, end.host)) {
    end.stalled.emplace_back(since, std::move(bytes));
    if (end.stalled.size() == 1) events_.after(kStallCheck, [this, id, to] { retry_stalled(id, to); });
    return;
  }
  if (bytes.empty()) {
    deliver_end(id, to);
    return;
  }
  if (profile_.chunks && bytes.size() > 1 && tape_.chance(300)) {
    const size_t cut = 1 + tape_.choose(static_cast<uint32_t>(std::min<size_t>(bytes.size() - 1, 60'000)));
    deliver(id, to, bytes.substr(0, cut));
    bytes.erase(0, cut);
  }
  deliver(id, to, std::move(bytes));
}

void Network::retry_stalled(StreamId id, int to) {
  Stream* stream = find(id);
  while (stream != nullptr && stream->ends[to].open && !stream->ends[to].stalled.empty()) {
    End& end = stream->ends[to];
    if (!reaches(stream->ends[1 - to].host, end.host)) {
      if (events_.now() - end.stalled.front().first > kStallLimit) {
        break_stream(id, LinkEnd::kTimeout);
      } else {
        events_.after(kStallCheck, [this, id, to] { retry_stalled(id, to); });
      }
      return;
    }
    const std::string bytes = std::move(end.stalled.front().second);
    end.stalled.pop_front();
    if (bytes.empty()) {
      deliver_end(id, to);
    } else {
      deliver(id, to, bytes);
    }
    stream = find(id);
  }
}

void Network::deliver_end(StreamId id, int to) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->ends[to].open || stream->ends[to].input_ended) return;
  stream->ends[to].input_ended = true;
  hosts_.on_end_of_input(stream->ends[to].host, stream->ends[to].conn);
}

void Network::deliver(StreamId id, int to, std::string bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->ends[to].open || bytes.empty()) return;
  End& end = stream->ends[to];
  if (end.paused) {
    end.held.push_back(std::move(bytes));
  } else {
    hosts_.on_bytes(end.host, end.conn, std::move(bytes));
  }
}

void Network::pause_reading(HostId host, ConnId conn, bool pause) {
  const auto at = by_conn_.find({host, conn});
  if (at == by_conn_.end()) return;
  const auto [id, side] = at->second;
  End& end = streams_.at(id).ends[side];
  end.paused = pause;
  if (pause) return;
  for (std::string& bytes : std::exchange(end.held, {})) {
    events_.after(Duration{0}, [this, stream = id, at_end = side, moved = std::move(bytes)]() mutable {
      deliver(stream, at_end, std::move(moved));
    });
  }
}

void Network::close(HostId host, ConnId conn) {
  const auto at = by_conn_.find({host, conn});
  if (at == by_conn_.end()) return;
  const auto [id, side] = at->second;
  by_conn_.erase(at);
  Stream& stream = streams_.at(id);
  stream.ends[side].open = false;
  const int other = 1 - side;
  if (!stream.established || !stream.ends[other].open) {
    forget_if_done(id);
    return;
  }
  const Instant when =
      std::max(events_.now() + latency(host, stream.ends[other].host), stream.ends[side].last_arrival);
  const Instant since = events_.now();
  events_.at(when, [this, ended = id, other, since] { arrive(ended, other, std::string(), since); });
}

void Network::end_side(StreamId id, int side, LinkEnd how) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  End& end = stream->ends[side];
  if (end.open) {
    end.open = false;
    const HostId host = end.host;
    const ConnId conn = end.conn;
    by_conn_.erase({host, conn});
    forget_if_done(id);
    hosts_.on_ended(host, conn, how);
    return;
  }
  forget_if_done(id);
}

void Network::break_stream(StreamId id, LinkEnd how) {
  end_side(id, 0, how);
  end_side(id, 1, how);
}

void Network::forget_if_done(StreamId id) {
  const auto at = streams_.find(id);
  if (at != streams_.end() && !at->second.ends[0].open && !at->second.ends[1].open) streams_.erase(at);
}

bool Network::is_calm_since(Instant since) const {
  const bool frames = frame_faults_ && (profile_.frame_loss || profile_.duplication || profile_.reordering);
  return cut_.empty() && slow_.empty() && !refusing_ && !frames && broke_one_ <= since;
}

bool Network::reset_one() {
  std::vector<StreamId> candidates;
  for (const auto& [id, stream] : streams_) {
    if (stream.established && stream.ends[0].open && stream.ends[1].open) candidates.push_back(id);
  }
  if (candidates.empty()) return false;
  broke_one_ = events_.now();
  break_stream(candidates[tape_.choose(static_cast<uint32_t>(candidates.size()))], LinkEnd::kReset);
  return true;
}

void Network::host_died(HostId host, bool told) {
  std::vector<std::pair<StreamId, int>> mine;
  for (const auto& [key, where] : by_conn_) {
    if (key.first == host) mine.push_back(where);
  }
  for (const auto& [id, side] : mine) {
    Stream* stream = find(id);
    if (stream == nullptr) continue;
    End& end = stream->ends[side];
    end.open = false;
    by_conn_.erase({end.host, end.conn});
    const int other = 1 - side;
    if (!stream->ends[other].open) {
      forget_if_done(id);
      continue;
    }
    const Duration wait = told ? latency(host, stream->ends[other].host) : kSilentDeathNotice;
    events_.after(wait, [this, ended = id, other] { end_side(ended, other, LinkEnd::kReset); });
  }
}

}  // namespace patronus::sim
