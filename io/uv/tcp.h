// TCP streams over libuv: dialling by name, reading, writing with a backlog that is known, and a close that
// lets the last bytes arrive.
#pragma once

#include <uv.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"
#include "io/config/address.h"
#include "io/ports.h"

namespace patronus::uv {

class TcpStreams {
 public:
  // What happens to streams; called from the loop.
  class Listener {
   public:
    virtual ~Listener() = default;
    // The id of a stream that came in, or 0 to refuse it.
    virtual ConnId on_accepted(Door door, const Remote& remote) = 0;
    virtual void on_dialled(ConnId conn) = 0;
    virtual void on_bytes(ConnId conn, std::string_view bytes) = 0;
    virtual void on_end_of_input(ConnId conn) = 0;
    virtual void on_ended(ConnId conn, LinkEnd how) = 0;
    virtual void on_written(ConnId conn, size_t bytes) = 0;
  };

  TcpStreams(uv_loop_t* loop, Listener& listener);
  ~TcpStreams();
  TcpStreams(const TcpStreams&) = delete;
  TcpStreams& operator=(const TcpStreams&) = delete;

  // Nothing on success, else why the address can't be listened on. Streams that come in are told to be
  // `secure`, if the listener makes them so.
  [[nodiscard]] std::optional<std::string> listen(Door door, const Address& address, bool secure = false);
  void dial(ConnId conn, const std::string& address);
  size_t write(ConnId conn, std::string&& bytes);
  size_t backlog(ConnId conn) const;
  void close(ConnId conn);
  void pause_reading(ConnId conn, bool pause);
  // Accepts no more at this door.
  void stop_listening(Door door);
  // The stream is known by another id from now on, which must be free.
  void rename(ConnId conn, ConnId to);
  // Some name that was dialled is still looked up, maybe for a stream that is gone.
  bool is_looking_up() const { return !resolving_.empty(); }
  // Accepts no more, and closes everything at once.
  void shut_down();

 private:
  struct Stream;
  struct Listening;
  struct Resolving;
  struct Writing;

  Stream* add(ConnId conn, Door door);
  Stream* find(ConnId conn) const;
  void connect(Stream* stream, const sockaddr* address);
  void start_reading(Stream* stream);
  void fail_later(Stream* stream, LinkEnd how);
  void finish(Stream* stream);
  void release(Stream* stream);
  void ended(Stream* stream, LinkEnd how);

  uv_loop_t* loop_;
  Listener& listener_;
  std::map<ConnId, Stream*> streams_;
  std::set<Stream*> finishing_;  // closed by the driver, waiting for the last bytes
  std::set<Resolving*> resolving_;
  std::vector<Listening*> listening_;
  std::vector<char> buffer_;  // for reads: each is handed on before the next
};

}  // namespace patronus::uv
