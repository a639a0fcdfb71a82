// HTTP over the driver's streams: requests in, answers from the node or from the core out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/node.h"
#include "io/api/state_requests.h"
#include "io/metrics/metrics.h"
#include "io/ports.h"
#include "io/protocol/http/connection.h"

namespace patronus {

class HttpServer {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_core_request(api::CoreRequest&& request) = 0;
    virtual Status node_status() const = 0;
    virtual NodeId leader_id() const = 0;
    virtual Index applied_index() const = 0;
    virtual ProcessFigures process_figures() const = 0;
  };

  HttpServer(NodeId self, std::string version, Duration request_timeout, Ports& ports, Listener& listener,
             Metrics& metrics);

  // A stream from a client; false if there are too many.
  bool accept(ConnId conn, const Remote& remote, Now now);
  // Redirects to other nodes are to https:// addresses from now on.
  void redirect_to_https() { redirect_scheme_ = "https://"; }
  bool owns(ConnId conn) const { return conns_.contains(conn); }
  void received(ConnId conn, std::string_view bytes, Now now);
  void end_of_input(ConnId conn, Now now);
  void ended(ConnId conn);
  void written(ConnId conn, size_t bytes, Now now);

  // The core's answer to a request it was given.
  void answered(RequestId request, const Answer& answer, Now now);

  // Writes out what was answered since the last flush.
  void flush(Now now);
  // Timeouts of the connections, looked at every kHttpScanInterval.
  void wake(Now now);
  // From here on every answer ends its connection, so that clients go elsewhere.
  void set_draining(bool draining) { draining_ = draining; }
  // Takes no more connections and no more requests; what is under way is answered. A connection that is so
  // new that its first request may be on its way is still given kDrainFirstRequest since it began, so this
  // wants to be called again until may_end().
  void shut_door(Now now);
  // After shut_door(): nobody waits for an answer, and no connection is that new.
  bool may_end() const;
  Instant deadline() const { return conns_.empty() ? Instant::never() : next_scan_; }

 private:
  struct Waiting {
    ConnId conn;
    http::StreamId stream;
    api::Asked asked;
    std::string request_id;
    Instant began;
  };
  struct Conn {
    Conn(const http::Limits& limits, const Remote& from, Now now)
        : http(limits, now.mono, now.wall), remote(from), began(now.mono) {}
    http::Connection http;
    Remote remote;
    Instant began;
    bool asked = false;  // a request has been taken
    bool paused = false;
    bool touched = false;   // is in touched_
    bool draining = false;  // takes no more requests
    bool handling = false;  // a request was taken and is not answered yet
    size_t buffered = 0;    // what the connection holds, as last counted
    size_t unwritten = 0;   // bytes handed to the port that have not left
  };

  void handle(ConnId conn, http::StreamId stream, http::Request&& request, Now now);
  void answer(ConnId conn, http::StreamId stream, api::Route route, http::Method method,
              http::Response&& response, const std::string& request_id, Instant began, Now now);
  std::string request_id_of(const http::Request& request);
  // What every answer says of where it came from.
  void sign(http::Response& response, const std::string& request_id) const;
  http::Response refuse(const http::Refusal& refusal);
  std::optional<http::Response> answer_here(api::Route route, const http::Request& request,
                                            const api::Origin& origin, bool writes);
  void flush_one(ConnId conn, Now now);
  void touch(ConnId conn);
  // Takes the connection's next request, if it may be handled now.
  void settle(ConnId conn, Now now);

  NodeId self_;
  std::string version_;
  Duration request_timeout_;
  Ports& ports_;
  Listener& listener_;
  Metrics& metrics_;
  http::Limits limits_;
  std::string redirect_scheme_ = "http://";
  std::unordered_map<ConnId, std::unique_ptr<Conn>> conns_;
  std::vector<ConnId> touched_;
  std::unordered_map<uint64_t, Waiting> waiting_;  // by request id
  uint64_t next_request_ = 1;
  size_t buffered_ = 0;
  size_t unwritten_ = 0;  // of all connections together
  Instant next_scan_;
  bool draining_ = false;
  bool door_is_shut_ = false;
  size_t new_conns_ = 0;  // as shut_door() counted last
};

}  // namespace patronus
