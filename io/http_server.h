// HTTP over the driver's streams: requests in, answers from the node or from the core out.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/node.h"
#include "core/snapshot.h"
#include "io/api/access.h"
#include "io/api/account_desk.h"
#include "io/api/backup_routes.h"
#include "io/api/restore_desk.h"
#include "io/api/state_requests.h"
#include "io/metrics/metrics.h"
#include "io/ports.h"
#include "io/protocol/http/connection.h"
#include "io/sdwan/samples.h"

namespace patronus {

struct HttpOptions {
  NodeId self;
  std::string version;
  Duration request_timeout{};
  api::AccountSettings accounts;
};

class HttpServer {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_core_request(api::CoreRequest&& request) = 0;
    virtual Status node_status() const = 0;
    virtual void touch_session(const std::string& id) = 0;
    // False if there are too many already; else answered by password_done().
    [[nodiscard]] virtual bool hash_password(auth::PasswordJob&& job) = 0;
    // The node shall take no part for now, or again. False if it is told to stop anyway.
    [[nodiscard]] virtual bool drain_for_operator(bool on, const std::string& by) = 0;
    // Answered by snapshot_answered(); false if it has to be asked again later.
    [[nodiscard]] virtual bool make_snapshot(uint64_t ticket) = 0;
    [[nodiscard]] virtual bool query_snapshots(SnapshotQuery&& query) = 0;
    virtual Node::Remains remains() const = 0;
    // This node goes on alone as a new cluster, once the answer is on its way.
    virtual void found_anew() = 0;
    virtual NodeId leader_id() const = 0;
    virtual Index applied_index() const = 0;
    virtual ProcessFigures process_figures() const = 0;
  };

  HttpServer(HttpOptions options, const Node& node, auth::Crypto& crypto, Ports& ports, Listener& listener,
             Metrics& metrics);

  // A stream from a client; false if there are too many.
  bool accept(ConnId conn, const Remote& remote, Now now);
  // Redirects to other nodes are to https:// addresses from now on.
  void redirect_to_https() { redirect_scheme_ = "https://"; }
  // Driver::publish_revocations().
  void publish_revocations(std::string list) { revocations_ = std::move(list); }
  // Driver::use_samples().
  void use_samples(const sdwan::Samples& samples) { samples_ = &samples; }
  // Driver::expect_backup(), Driver::set_backup().
  void expect_backup() { backup_.has_database = true; }
  void set_backup(backup::Report&& report) { backup_.report = std::move(report); }
  bool owns(ConnId conn) const { return conns_.contains(conn); }
  void received(ConnId conn, std::string_view bytes, Now now);
  void end_of_input(ConnId conn, Now now);
  void ended(ConnId conn);
  void written(ConnId conn, size_t bytes, Now now);

  // The core's answer to a request it was given.
  void answered(RequestId request, const Answer& answer, Now now);
  // What became of a password.
  void password_done(auth::PasswordDone&& done, Now now);

  // What became of a snapshot, or of a question about one.
  void snapshot_answered(SnapshotAnswer&& answered, Now now);

  api::AccountDesk& desk() { return desk_; }

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
  // Requests that are not answered yet, and the bytes of what clients have not taken or of what waits to
  // begin.
  size_t unanswered() const { return waiting_.size(); }
  size_t held_bytes() const { return unwritten_ + replay_bytes_; }
  Instant deadline() const {
    return std::min(restore_.deadline(), conns_.empty() ? Instant::never() : next_scan_);
  }

 private:
  struct Waiting {
    ConnId conn;
    http::StreamId stream;
    api::Asked asked;
    std::string request_id;
    Instant began;
    std::unique_ptr<api::AccountAsk> account;  // of a request on accounts
    std::unique_ptr<http::Request> replay;     // waits until this node has applied enough
    std::unique_ptr<http::Request> table;      // of a read of tables, to be answered by what they are then
    bool caught_up = false;                    // the replay may then rely on knowing the latest
  };
  struct Conn {
    Conn(const http::Limits& limits, Remote from, Now now)
        : http(limits, now.mono, now.wall), remote(std::move(from)), began(now.mono) {}
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

  // http_requests.cpp
  void handle(ConnId conn, http::StreamId stream, http::Request&& request, Now now);
  void begin(ConnId conn, http::StreamId stream, http::Request&& request, Instant began, bool caught_up,
             Now now);
  void begin_account(Waiting&& waiting, RequestId id, const http::Request& request, Now now);
  void take_step(RequestId id, Waiting&& waiting, api::Step&& step, Now now);
  void ask_core(RequestId id, Waiting&& waiting, api::CoreRequest&& request, Now now);
  void wait_to_catch_up(RequestId id, Waiting&& waiting, http::Request&& request, ClientRead&& read, Now now);
  // A read of tables that may be answered now.
  http::Response table_answer(const Waiting& waiting, const ReadResult& read, const api::Origin& origin,
                              Now now);
  void answer(const Waiting& waiting, http::Response&& response, Now now);
  std::string request_id_of(const http::Request& request);
  // What every answer says of where it came from.
  void sign(http::Response& response, const std::string& request_id) const;
  http::Response refuse(const http::Refusal& refusal);
  std::optional<http::Response> refuse_route(api::Route route, const http::Request& request,
                                             const api::Origin& origin) const;
  http::Response answer_here(api::Route route, const http::Request& request, const api::Origin& origin,
                             bool in_full, Now now);
  http::Response backup_answer(api::Route route, const http::Request& request, const api::Origin& origin,
                               Now now);
  http::Response drain_for_operator(api::Route route, const http::Request& request, const api::Caller& caller,
                                    const api::Origin& origin);
  void ask_tables(RequestId id, Waiting&& waiting, http::Request&& request, const api::Caller& caller,
                  Now now);
  // http_snapshots.cpp
  void ask_snapshots(RequestId id, Waiting&& waiting, const http::Request& request, Now now);
  void ask_restore(RequestId id, Waiting&& waiting, const http::Request& request, const api::Caller& caller,
                   Now now);
  // Goes on with the restore that is under way, if there is one.
  void pursue_restore(Now now);
  http::Response recover(const http::Request& request, const api::Origin& origin);
  std::optional<http::Response> redirect(const http::Request& request, const api::Origin& origin) const;
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
  const Node& node_;
  auth::Crypto& crypto_;
  api::Access access_;
  api::AccountDesk desk_;
  api::RestoreDesk restore_;
  http::Limits limits_;
  std::string redirect_scheme_ = "http://";
  std::string revocations_;
  const sdwan::Samples* samples_ = nullptr;  // none where nobody probes
  api::BackupView backup_;
  backup::Requests backup_requests_;  // the last
  std::unordered_map<ConnId, std::unique_ptr<Conn>> conns_;
  std::vector<ConnId> touched_;
  std::unordered_map<uint64_t, Waiting> waiting_;  // by request id
  uint64_t next_request_ = 1;
  size_t buffered_ = 0;
  size_t unwritten_ = 0;     // of all connections together
  size_t replay_bytes_ = 0;  // of requests that wait to be begun again
  Instant next_scan_;
  bool draining_ = false;
  bool door_is_shut_ = false;
  size_t new_conns_ = 0;  // as shut_door() counted last
};

}  // namespace patronus
