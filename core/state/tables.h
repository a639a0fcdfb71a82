// What the dashboard shows: sites, policies, what the leader's engine has found out about endpoints and
// paths, and who did what. A part of the replicated state as any other; the SQLite database beside it is a
// copy (core/projector.h).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/raft/entry.h"
#include "core/state/changes.h"
#include "core/state/command.h"
#include "core/state/table_ops.h"

namespace patronus {

// The one that this version writes.
inline constexpr uint32_t kTablesSchema = 1;

struct Site {
  std::string id;
  SiteFields fields;
  int64_t created_wall_ms = 0;
  Index create_revision;
  Index mod_revision;
  uint64_t version = 0;

  friend bool operator==(const Site&, const Site&) = default;
};
struct Policy {
  std::string id;
  PolicyFields fields;
  int64_t created_wall_ms = 0;
  Index create_revision;
  Index mod_revision;
  uint64_t version = 0;

  friend bool operator==(const Policy&, const Policy&) = default;
};
struct EndpointState {
  bool reachable = false;
  int64_t since_wall_ms = 0;
  int64_t seen_wall_ms = 0;

  friend bool operator==(const EndpointState&, const EndpointState&) = default;
};
struct PathState {
  PathVerdict verdict;
  int64_t since_wall_ms = 0;  // of its status

  friend bool operator==(const PathState&, const PathState&) = default;
};
struct AuditRecord {
  Index index;
  int64_t wall_ms = 0;
  std::string user;    // an id; empty: the cluster itself
  std::string action;  // such as site.create
  std::string object;  // what it was done to
  std::string detail;  // in words, for people

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

// A site's endpoint, by the site's id and its address.
using EndpointKey = std::pair<std::string, std::string>;

class Tables {
 public:
  // 0: there are none yet.
  uint32_t schema() const { return schema_; }

  // Null if there is none. Pointers live until the next apply.
  const Site* site(std::string_view id) const;
  const Site* site_by_name(std::string_view name) const;
  const Policy* policy(std::string_view id) const;
  // By their ids, in order.
  const std::map<std::string, Site, std::less<>>& sites() const { return sites_; }
  const std::map<std::string, Policy, std::less<>>& policies() const { return policies_; }
  // All paths that there are: those of policies, enabled or not. Nothing: no verdict yet.
  const std::map<PathKey, std::optional<PathState>>& paths() const { return paths_; }
  // Of an endpoint that no verdict was given on: null.
  const EndpointState* endpoint(const std::string& site, const std::string& address) const;
  size_t endpoint_count() const { return endpoint_count_; }
  // The oldest first; at most kAuditKept.
  const std::deque<AuditRecord>& audit() const { return audit_; }

  // kNotFound, kPreconditionFailed, kExists (an id that is taken), kNameTaken, kInUse (a site that a policy
  // names), kNoSuchSite, kLimitReached, kRefused (fields that are no site's, tables that are not open).
  WriteResult apply(const TableOp& op, Index at, const Stamp& stamp);
  struct Become {
    uint64_t put = 0;
    uint64_t deleted = 0;
    uint64_t unchanged = 0;
  };
  // Sites and policies become those of other tables (tables_restore.cpp); both are open. What is equal keeps
  // its numbers, and so does what was found out about an endpoint or a path that stays. Audit stays.
  Become become(const Tables& wanted, Index at);
  // Remembers what was done, if tables are open. Records come in ascending order of their indexes.
  void note(AuditRecord record);

  size_t bytes() const { return bytes_; }
  // Of them what sites, policies and the schema take; counted anew at each call.
  size_t entity_bytes() const;
  uint64_t hash() const { return hash_; }
  // Changes whenever sites, policies or paths do, but not for verdicts or audit.
  uint64_t version() const { return version_; }

  // Rows (tables_rows.cpp): the schema, then sites, policies, endpoints' and paths' verdicts, audit.
  Changes& changes() { return changes_; }
  const Changes& changes() const { return changes_; }
  void for_each_row(const RowVisitor& visit) const;
  std::optional<RowValue> row(std::string_view key) const;
  // The first key behind this one, whether there is such a row or not (tables_projected.cpp).
  std::optional<std::string> projected_key_after(std::string_view key) const;
  // Of a state as of `applied`.
  [[nodiscard]] std::optional<std::string> load_row(std::string_view key, std::string_view value,
                                                    Index applied);

 private:
  using Pair = std::pair<std::string, std::string>;  // source and destination of policies

  WriteResult execute(const PutSiteOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const DeleteSiteOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const PutPolicyOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const DeletePolicyOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const VerdictsOp& op, Index at, const Stamp& stamp);
  WriteResult execute(const OpenTablesOp& op, Index at, const Stamp& stamp);

  template <typename Entities, typename KeyOf>
  void replace_entities(Entities& entities, const Entities& wanted, KeyOf key_of, Index at, Become& counts);
  static void keep_what_was_revoked(const SiteFields& now, SiteFields& restored);
  static void keep_what_was_revoked(const PolicyFields&, PolicyFields&) {}
  bool has_endpoint(const EndpointKey& place) const;
  size_t paths_with(const std::string& id, const SiteFields& fields) const;
  void release(const Pair& pair);
  void rebuild_paths(const Pair& pair);
  void rebuild_paths_of(const std::string& id);
  void drop_endpoint_states(const Site& of, const SiteFields* kept);
  // Around every change of a row, so that hash, bytes and whoever takes changes follow.
  void before(const std::string& key);
  void after(const std::string& key);
  void count(const std::string& key, int sign);

  uint32_t schema_ = 0;
  std::map<std::string, Site, std::less<>> sites_;
  std::map<std::string, std::string, std::less<>> site_names_;  // ids
  std::map<std::string, Policy, std::less<>> policies_;
  std::map<std::string, std::string, std::less<>> policy_names_;
  std::map<Pair, size_t> pairs_;  // how many policies
  std::map<EndpointKey, EndpointState> endpoints_;
  std::map<PathKey, std::optional<PathState>> paths_;
  std::deque<AuditRecord> audit_;
  size_t endpoint_count_ = 0;
  size_t bytes_ = 0;
  uint64_t hash_ = 0;
  uint64_t version_ = 0;
  Changes changes_;
};

// What is in rows, for those who copy them elsewhere (tables_rows.cpp). Nothing: the bytes are no such row.
[[nodiscard]] std::optional<Site> decode_site_row(std::string_view key, std::string_view value);
[[nodiscard]] std::optional<Policy> decode_policy_row(std::string_view key, std::string_view value);
[[nodiscard]] std::optional<std::pair<EndpointKey, EndpointState>> decode_endpoint_row(
    std::string_view key, std::string_view value);
[[nodiscard]] std::optional<PathState> decode_path_row(std::string_view key, std::string_view value);
[[nodiscard]] std::optional<AuditRecord> decode_audit_row(std::string_view key, std::string_view value);

}  // namespace patronus
