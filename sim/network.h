// The wire: byte streams between nodes and clients, with delay, cuts and breakage. A stream keeps order, as
// TCP does; with the frame faults on, whole frames between nodes are lost, doubled or overtake each other,
// which is more than TCP would do to them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"
#include "io/ports.h"
#include "sim/events.h"
#include "sim/profile.h"
#include "sim/recording.h"
#include "sim/tape.h"

namespace patronus::sim {

// Who is at an end of a stream: nodes are numbered from 0, clients from kFirstClient.
using HostId = uint32_t;
inline constexpr HostId kFirstClient = 1000;

class Network {
 public:
  // What happens at a host; the world passes it on to the node or client there.
  class Hosts {
   public:
    virtual ~Hosts() = default;
    // Nothing if nobody listens; 0 if whoever does takes it up and closes it.
    virtual std::optional<ConnId> on_accept(HostId host, Door door) = 0;
    virtual void on_dialled(HostId host, ConnId conn) = 0;
    virtual void on_bytes(HostId host, ConnId conn, std::string bytes) = 0;
    virtual void on_end_of_input(HostId host, ConnId conn) = 0;
    virtual void on_ended(HostId host, ConnId conn, LinkEnd how) = 0;
    virtual bool is_up(HostId host) const = 0;
  };

  Network(Events& events, Tape& tape, const Profile& profile, Hosts& hosts);

  // What nodes say to each other is kept there from now on.
  void record(Recording* recording) { recording_ = recording; }
  void dial(HostId from, ConnId conn, HostId to, Door door);
  void write(HostId host, ConnId conn, std::string bytes);
  void close(HostId host, ConnId conn);
  void pause_reading(HostId host, ConnId conn, bool pause);

  // Connectivity between nodes, each direction for itself. Clients always reach nodes.
  void cut(HostId from, HostId to) { cut_[{from, to}] = true; }
  void heal(HostId from, HostId to) { cut_.erase({from, to}); }
  void heal_all() { cut_.clear(); }
  bool has_cuts() const { return !cut_.empty(); }
  // Nothing is done to it, nor was a stream broken since that time.
  bool is_calm_since(Instant since) const;
  bool reaches(HostId from, HostId to) const { return !cut_.contains({from, to}); }
  void slow_down(HostId from, HostId to, Duration by) { slow_[{from, to}] = by; }
  void speed_up_all() { slow_.clear(); }
  void set_refusing(bool refusing) { refusing_ = refusing; }
  void stop_frame_faults() { frame_faults_ = false; }
  // A test's own loss: which messages between nodes, of a kind as in MessageBody, go their way.
  using Filter = std::function<bool(HostId from, HostId to, size_t kind)>;
  void set_filter(Filter filter) { filter_ = std::move(filter); }
  // Breaks one stream between nodes, if there is one.
  bool reset_one();

  // The process at a host is gone. With its kernel alive the other ends are told; after a power cut they are
  // not.
  void host_died(HostId host, bool told);

  uint64_t frames_lost() const { return frames_lost_; }
  uint64_t frames_doubled() const { return frames_doubled_; }
  uint64_t frames_overtaken() const { return frames_overtaken_; }
  uint64_t messages() const { return messages_; }

 private:
  struct End {
    HostId host = 0;
    ConnId conn = 0;
    bool open = false;
    bool paused = false;
    Instant last_arrival;          // what is sent later arrives later
    std::deque<std::string> held;  // arrived while reading was paused
    bool input_ended = false;
    // On their way here while there was no way; in order. Empty bytes are the end of the stream.
    std::deque<std::pair<Instant, std::string>> stalled;
  };
  struct Stream {
    End ends[2];  // the dialler first
    Door door = Door::kPeer;
    bool established = false;
    bool greeted = false;  // the dialler's first bytes, its hello, have been sent
  };
  using StreamId = uint64_t;

  Duration latency(HostId from, HostId to);
  void arrive_accept(StreamId id);
  void send_chunk(StreamId id, int from, std::string bytes, bool in_order);
  void send_frames(StreamId id, int from, std::string_view bytes);
  std::string filtered(const Stream& stream, int from, std::string_view bytes) const;
  void arrive(StreamId id, int to, std::string bytes, Instant since);
  void deliver(StreamId id, int to, std::string bytes);
  void retry_stalled(StreamId id, int to);
  void deliver_end(StreamId id, int to);
  void break_stream(StreamId id, LinkEnd how);
  void end_side(StreamId id, int side, LinkEnd how);
  void forget_if_done(StreamId id);
  Stream* find(StreamId id);

  Events& events_;
  // Keeps what nodes say to each other there.
  void note_frames(const Stream& stream, int from, std::string_view bytes, Instant arrives, bool lost);
  Recording* recording_ = nullptr;
  Track& tape_;
  Track& latency_;
  const Profile& profile_;
  Hosts& hosts_;
  std::map<StreamId, Stream> streams_;
  std::map<std::pair<HostId, ConnId>, std::pair<StreamId, int>> by_conn_;
  std::map<std::pair<HostId, HostId>, bool> cut_;
  std::map<std::pair<HostId, HostId>, Duration> slow_;
  bool refusing_ = false;
  Instant broke_one_;
  Filter filter_;
  bool frame_faults_ = true;
  StreamId next_ = 1;
  uint64_t frames_lost_ = 0;
  uint64_t frames_doubled_ = 0;
  uint64_t frames_overtaken_ = 0;
  uint64_t messages_ = 0;
};

}  // namespace patronus::sim
