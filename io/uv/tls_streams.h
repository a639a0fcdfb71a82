// TLS over TCP streams. Towards the driver these are streams like any other: it writes and is handed
// plaintext, and counts plaintext only. Doors without TLS pass straight through.
//
// A stream that comes in is shown to the driver once its handshake is done, and one that is dialled is
// reported as dialled then: a stranger never gets as far as the driver.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/tls/complaints.h"
#include "io/tls/session.h"
#include "io/uv/loop.h"
#include "io/uv/tcp.h"

namespace patronus::uv {

class TlsStreams final : private TcpStreams::Listener {
 public:
  using Context = std::shared_ptr<const tls::Context>;
  using Revocations = std::shared_ptr<const tls::RevocationLists>;

  // What happens to streams, in plaintext; called from the loop.
  class Listener : public TcpStreams::Listener {
   public:
    // A line for the operator about a stream that failed; already at a bounded rate.
    virtual void on_complaint(const std::string& line) = 0;
  };

  TlsStreams(uv_loop_t* loop, Listener& listener);
  ~TlsStreams() override;
  TlsStreams(const TlsStreams&) = delete;
  TlsStreams& operator=(const TlsStreams&) = delete;

  // For connections made from now on. Once there is a context for peers, every dialled stream is TLS.
  void use_for_https(Context context) { https_ = std::move(context); }
  void use_for_peers(Context context) { peers_ = std::move(context); }
  // Streams whose other end has proven itself with a certificate on these lists end, and no more are let in.
  void use_revocations(const Revocations& revoked);
  const Revocations& revocations() const { return revoked_; }
  const Context& https() const { return https_; }
  const Context& peers() const { return peers_; }

  // As TcpStreams; a secure door needs the context of its kind first.
  [[nodiscard]] std::optional<std::string> listen(Door door, const Address& address, bool secure);
  void dial(ConnId conn, const std::string& address);
  // How many bytes of plaintext left at once, which is all or none of them; told of later by on_written.
  size_t write(ConnId conn, std::string&& bytes);
  size_t backlog(ConnId conn) const;
  // Ends TLS and the stream after what is queued.
  void close(ConnId conn);
  void pause_reading(ConnId conn, bool pause) { tcp_.pause_reading(conn, pause); }
  void stop_listening(Door door) { tcp_.stop_listening(door); }
  bool is_looking_up() const { return tcp_.is_looking_up(); }
  // Ports::has_arrivals().
  bool has_arrivals(Door door) const;
  [[nodiscard]] std::optional<NodeId> proven_identity(ConnId conn) const;

  // Streams that failed in TLS since the start.
  uint64_t failures() const { return failures_; }

 private:
  // What is on its way: so much ciphertext carries so much plaintext.
  struct Flight {
    size_t ciphertext;
    size_t plaintext;
  };
  struct Stream {
    bool is_known() const { return reported || dialled; }
    Stream(const tls::Context& context, tls::Side side, const Revocations& revoked)
        : session(context, side, revoked) {}
    tls::Session session;
    Door door = Door::kPeer;
    Remote remote;
    std::string who;             // for complaints
    bool reported = false;       // as accepted or dialled, to the driver
    bool dialled = false;        // by this end
    bool input_ended = false;    // and was reported so
    std::string waiting;         // plaintext that was written before the handshake was done
    std::deque<Flight> flights;  // taken by TCP, not by the kernel
    size_t control = 0;          // ciphertext among them that carries no plaintext
    Instant deadline;            // for the handshake of a stream that came in
  };

  // TcpStreams::Listener
  ConnId on_accepted(Door door, const Remote& remote) override;
  void on_dialled(ConnId conn) override;
  void on_bytes(ConnId conn, std::string_view bytes) override;
  void on_end_of_input(ConnId conn) override;
  void on_ended(ConnId conn, LinkEnd how) override;
  void on_written(ConnId conn, size_t bytes) override;

  using Streams = std::map<ConnId, std::unique_ptr<Stream>>;

  Streams& home_of(ConnId conn);
  Stream* find(ConnId conn);
  ConnId report(ConnId conn);
  bool write_waiting(ConnId conn, Stream& stream);
  size_t flush(ConnId conn, Stream& stream, size_t plaintext);
  void fail(ConnId conn);
  void complain(const std::string& text);
  void drop_oldest_handshake();
  void drop_late_handshakes();
  void watch_handshakes();

  Listener& listener_;
  TcpStreams tcp_;
  Context https_;
  Context peers_;
  Revocations revoked_;  // nothing: no certificate is
  Streams streams_;      // those the driver has an id for
  // Those that came in and whose handshake is not done, in the order of their coming. Their ids are given
  // here and lie beyond all the driver's.
  Streams arrivals_;
  ConnId next_arrival_;
  std::unique_ptr<Handle<uv_timer_t>> handshake_timer_;
  bool timer_runs_ = false;
  uv_loop_t* loop_;
  tls::Complaints complaints_;
  uint64_t failures_ = 0;
};

}  // namespace patronus::uv
