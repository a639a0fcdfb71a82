// A snapshot that this node keeps, restored into the running cluster: the request, the look at the file, the
// run that stages and finishes (core/requests/restore_run.h), and what is told of it meanwhile and after.
//
// One at a time. Whoever has the desk asks it for what it wants next, after each call and at its deadline.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/node.h"
#include "core/requests/restore_run.h"
#include "core/snapshot.h"
#include "io/api/access.h"
#include "io/api/problem.h"
#include "io/auth/crypto.h"
#include "io/protocol/http/message.h"

namespace patronus::api {

class RestoreDesk {
 public:
  RestoreDesk(const Node& node, auth::Crypto& crypto) : node_(node), crypto_(crypto) {}

  // POST /snapshots/restore, by an administrator: the answer at once, or nothing: the snapshot is looked at,
  // and the answer comes by take_answer().
  [[nodiscard]] std::optional<http::Response> begin(RequestId request, const http::Request& body,
                                                    const Caller& caller, const Origin& origin, Now now);
  // GET: how far it is, or what became of the last one, here or on whichever node.
  [[nodiscard]] http::Response show() const;

  // What it wants of the snapshot's file, under this ticket; answered by snapshot_answered(), or by
  // refused_query() if too many wait.
  [[nodiscard]] std::optional<SnapshotQuery> next_query(uint64_t ticket, Now now);
  void refused_query(Now now);
  // False if the ticket is not its own.
  bool snapshot_answered(SnapshotAnswer& answer, Now now);
  // A write for the core, under this request; answered by answered().
  [[nodiscard]] std::optional<ClientWrite> next_write(RequestId request, Now now);
  bool answered(RequestId request, const WriteResult& result, Now now);

  [[nodiscard]] std::optional<std::pair<RequestId, http::Response>> take_answer();
  // What it has begun or ended since, as a line for the operator.
  [[nodiscard]] std::optional<std::string> take_notice() { return std::exchange(notice_, std::nullopt); }
  Instant deadline() const;

 private:
  struct Asked {
    RequestId request;
    Origin origin;
    Caller caller;
    std::string snapshot;
    bool keep_sessions = false;
    bool dry_run = false;
    bool other_cluster = false;
  };
  // The last run of this node, for who asks later.
  struct Told {
    std::string id;
    std::string snapshot;
    std::string by;
    std::string state;
    uint64_t rows_done = 0;
    uint64_t rows_total = 0;
    std::string error;
    Index as_of;  // what was applied here when it was told last
  };

  std::optional<Problem> obstacle(Now now) const;
  void checked(const SnapshotAnswer& answer, Now now);
  std::optional<Problem> misfit(const SnapshotContent& content) const;
  bool is_own(const ClusterId& cluster) const;
  void start(const SnapshotContent& content, Now now);
  void answer(http::Response&& response);
  void tell(Now now);
  http::Response dry_run(const SnapshotContent& content, Now now) const;

  const Node& node_;
  auth::Crypto& crypto_;
  std::optional<Asked> asked_;  // while its snapshot is looked at, and while it runs
  std::optional<RestoreRun> run_;
  bool check_begun_ = false;
  bool reading_begun_ = false;
  std::optional<uint64_t> ticket_;  // of the query under way
  Instant next_query_;
  std::map<uint64_t, uint64_t> writes_;  // the run's tickets, by request
  std::optional<std::pair<RequestId, http::Response>> answer_;
  std::optional<std::string> notice_;
  std::optional<Told> told_;
};

}  // namespace patronus::api
