#include "core/state/tables.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/table_rows.h"

namespace patronus {
namespace {

// So that it fits a row's key between zeros, and a path of an URL.
bool is_table_id(std::string_view id) {
  return !id.empty() && id.size() <= limits::kTableIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_';
         });
}

// The numbers of what is there instead of what was expected.
template <typename Entity>
WriteResult stale(const Entity& found) {
  WriteResult result;
  result.outcome = Outcome::kPreconditionFailed;
  result.record = {Blob(), {}, found.create_revision, found.mod_revision, found.version};
  return result;
}

template <typename Entity>
WriteResult done(const Entity& entity) {
  WriteResult result;
  result.id = entity.id;
  result.record = {Blob(), {}, entity.create_revision, entity.mod_revision, entity.version};
  result.created = entity.version == 1;
  return result;
}

template <typename Map, typename Key>
const typename Map::mapped_type* find(const Map& map, const Key& key) {
  const auto at = map.find(key);
  return at == map.end() ? nullptr : &at->second;
}

// What a put of an entity is refused for, whatever it holds.
template <typename Entity, typename Op>
std::optional<WriteResult> obstacle(const Entity* found, const Op& op) {
  if (!is_table_id(op.id)) return refused(Outcome::kRefused);
  if (op.create && found != nullptr) return refused(Outcome::kExists);
  if (!op.create && found == nullptr) return refused(Outcome::kNotFound);
  if (op.expected && found != nullptr && *op.expected != found->mod_revision) return stale(*found);
  return std::nullopt;
}

bool is_taken(const std::map<std::string, std::string, std::less<>>& names, const std::string& name,
              const std::string& id) {
  const std::string* owner = find(names, name);
  return owner != nullptr && *owner != id && !MUTANT(kIgnoreTakenName);
}

template <typename Entity>
void renew(Entity& entity, const std::string& id, Index at, const Stamp& stamp) {
  if (entity.version == 0) {
    entity.id = id;
    entity.create_revision = at;
    entity.created_wall_ms = stamp.wall_ms;
  }
  entity.mod_revision = at;
  ++entity.version;
}

}  // namespace

const Site* Tables::site(std::string_view id) const { return find(sites_, id); }

const Site* Tables::site_by_name(std::string_view name) const {
  const std::string* id = find(site_names_, name);
  return id == nullptr ? nullptr : site(*id);
}

const Policy* Tables::policy(std::string_view id) const { return find(policies_, id); }

const EndpointState* Tables::endpoint(const std::string& site, const std::string& address) const {
  return find(endpoints_, EndpointKey{site, address});
}

WriteResult Tables::apply(const TableOp& op, Index at, const Stamp& stamp) {
  const bool opens = std::holds_alternative<OpenTablesOp>(op);
  if (schema_ == 0 && !opens) return refused(Outcome::kRefused);
  return std::visit([&](const auto& concrete) { return execute(concrete, at, stamp); }, op);
}

WriteResult Tables::execute(const OpenTablesOp& op, Index, const Stamp&) {
  // A later version's schema would come with an entry that this one does not know.
  if (op.schema == 0 || op.schema > kTablesSchema) return refused(Outcome::kRefused);
  if (op.schema > schema_) {
    const std::string key = table_rows::schema_key();
    before(key);
    schema_ = op.schema;
    after(key);
    ++version_;
  }
  return WriteResult{};
}

WriteResult Tables::execute(const PutSiteOp& op, Index at, const Stamp& stamp) {
  const Site* found = site(op.id);
  if (std::optional<WriteResult> refusal = obstacle(found, op)) return *refusal;
  Site changed = found == nullptr ? Site{} : *found;
  const uint32_t generation = changed.fields.key_generation;
  changed.fields = op.fields;
  if (found != nullptr && op.fields.key_generation == 0) changed.fields.key_generation = generation;
  if (fault_of(changed.fields)) return refused(Outcome::kRefused);
  if (is_taken(site_names_, changed.fields.name, op.id)) return refused(Outcome::kNameTaken);
  const size_t endpoints_before = found == nullptr ? 0 : found->fields.endpoints.size();
  const size_t endpoints = endpoint_count_ - endpoints_before + changed.fields.endpoints.size();
  if (found == nullptr && sites_.size() >= limits::kSitesMax) return refused(Outcome::kLimitReached);
  if (endpoints > limits::kEndpointsMax) return refused(Outcome::kLimitReached);
  if (found != nullptr && paths_with(op.id, changed.fields) > limits::kPathsMax) {
    return refused(Outcome::kLimitReached);
  }

  if (found != nullptr) {
    drop_endpoint_states(*found, &changed.fields);
    site_names_.erase(found->fields.name);
  }
  renew(changed, op.id, at, stamp);
  site_names_[changed.fields.name] = op.id;
  endpoint_count_ = endpoints;
  const std::string key = table_rows::site_key(op.id);
  before(key);
  Site& slot = sites_[op.id];
  slot = std::move(changed);
  after(key);
  rebuild_paths_of(op.id);
  ++version_;
  return done(slot);
}

WriteResult Tables::execute(const DeleteSiteOp& op, Index, const Stamp&) {
  const Site* found = site(op.id);
  if (found == nullptr) return refused(Outcome::kNotFound);
  if (op.expected && *op.expected != found->mod_revision) return stale(*found);
  const auto names_it = [&](const auto& pair) {
    return pair.first.first == op.id || pair.first.second == op.id;
  };
  if (std::any_of(pairs_.begin(), pairs_.end(), names_it)) return refused(Outcome::kInUse);
  drop_endpoint_states(*found, nullptr);
  endpoint_count_ -= found->fields.endpoints.size();
  site_names_.erase(found->fields.name);
  const std::string key = table_rows::site_key(op.id);
  before(key);
  sites_.erase(op.id);
  after(key);
  ++version_;
  WriteResult result;
  result.id = op.id;
  return result;
}

WriteResult Tables::execute(const PutPolicyOp& op, Index at, const Stamp& stamp) {
  const Policy* found = policy(op.id);
  if (std::optional<WriteResult> refusal = obstacle(found, op)) return *refusal;
  if (fault_of(op.fields)) return refused(Outcome::kRefused);
  const Site* source = site(op.fields.source_site);
  const Site* destination = site(op.fields.destination_site);
  if (source == nullptr || destination == nullptr) return refused(Outcome::kNoSuchSite);
  if (is_taken(policy_names_, op.fields.name, op.id)) return refused(Outcome::kNameTaken);
  if (found == nullptr && policies_.size() >= limits::kPoliciesMax) return refused(Outcome::kLimitReached);
  const Pair pair{source->id, destination->id};
  const size_t added =
      pairs_.contains(pair) ? 0 : source->fields.endpoints.size() * destination->fields.endpoints.size();
  if (paths_.size() + added > limits::kPathsMax) return refused(Outcome::kLimitReached);

  Policy changed = found == nullptr ? Policy{} : *found;
  const std::optional<Pair> pair_before =
      found == nullptr ? std::nullopt
                       : std::optional(Pair{found->fields.source_site, found->fields.destination_site});
  if (found != nullptr) policy_names_.erase(found->fields.name);
  changed.fields = op.fields;
  renew(changed, op.id, at, stamp);
  policy_names_[changed.fields.name] = op.id;
  const std::string key = table_rows::policy_key(op.id);
  before(key);
  Policy& slot = policies_[op.id];
  slot = std::move(changed);
  after(key);
  ++pairs_[pair];
  if (pair_before) release(*pair_before);
  rebuild_paths(pair);
  ++version_;
  return done(slot);
}

WriteResult Tables::execute(const DeletePolicyOp& op, Index, const Stamp&) {
  const Policy* found = policy(op.id);
  if (found == nullptr) return refused(Outcome::kNotFound);
  if (op.expected && *op.expected != found->mod_revision) return stale(*found);
  const Pair pair{found->fields.source_site, found->fields.destination_site};
  policy_names_.erase(found->fields.name);
  const std::string key = table_rows::policy_key(op.id);
  before(key);
  policies_.erase(op.id);
  after(key);
  release(pair);
  ++version_;
  WriteResult result;
  result.id = op.id;
  return result;
}

WriteResult Tables::execute(const VerdictsOp& op, Index, const Stamp& stamp) {
  WriteResult result;
  for (const EndpointVerdict& verdict : op.endpoints) {
    const EndpointKey place{verdict.site, verdict.address};
    if (!has_endpoint(place)) continue;
    const std::string key = table_rows::endpoint_key(place);
    before(key);
    const auto [at, is_new] = endpoints_.try_emplace(place);
    EndpointState& state = at->second;
    if (is_new || state.reachable != verdict.reachable) state.since_wall_ms = stamp.wall_ms;
    state.reachable = verdict.reachable;
    state.seen_wall_ms = std::max(state.seen_wall_ms, verdict.seen_wall_ms);
    after(key);
    ++result.number;
  }
  for (const PathVerdict& verdict : op.paths) {
    const auto at = paths_.find(verdict.key);
    if (at == paths_.end()) continue;
    const std::string key = table_rows::path_key(verdict.key);
    before(key);
    std::optional<PathState>& state = at->second;
    const bool is_change = !state || state->verdict.status != verdict.status;
    state = PathState{verdict, is_change ? stamp.wall_ms : state->since_wall_ms};
    after(key);
    ++result.number;
  }
  return result;
}

void Tables::note(AuditRecord record) {
  if (schema_ == 0) return;
  PATRONUS_ASSERT(audit_.empty() || audit_.back().index < record.index, "one entry does one thing");
  if (audit_.size() >= limits::kAuditKept) {
    const std::string oldest = table_rows::audit_key(audit_.front().index);
    before(oldest);
    audit_.pop_front();
    after(oldest);
  }
  record.object.resize(std::min(record.object.size(), limits::kAuditObjectBytesMax));
  record.detail.resize(std::min(record.detail.size(), limits::kAuditDetailBytesMax));
  const std::string key = table_rows::audit_key(record.index);
  before(key);
  audit_.push_back(std::move(record));
  after(key);
}

bool Tables::has_endpoint(const EndpointKey& place) const {
  const Site* of = site(place.first);
  return of != nullptr && std::any_of(of->fields.endpoints.begin(), of->fields.endpoints.end(),
                                      [&](const SiteEndpoint& one) { return one.address == place.second; });
}

void Tables::drop_endpoint_states(const Site& of, const SiteFields* kept) {
  for (const SiteEndpoint& endpoint : of.fields.endpoints) {
    const auto is_it = [&](const SiteEndpoint& other) { return other.address == endpoint.address; };
    if (kept != nullptr && std::any_of(kept->endpoints.begin(), kept->endpoints.end(), is_it)) continue;
    const EndpointKey place{of.id, endpoint.address};
    if (!endpoints_.contains(place)) continue;
    const std::string key = table_rows::endpoint_key(place);
    before(key);
    endpoints_.erase(place);
    after(key);
  }
}

// All paths that there would be if the site had these fields.
size_t Tables::paths_with(const std::string& id, const SiteFields& fields) const {
  size_t count = 0;
  for (const auto& [pair, policies] : pairs_) {
    const auto endpoints = [&, &id = id](const std::string& end) {
      return end == id ? fields.endpoints.size() : sites_.find(end)->second.fields.endpoints.size();
    };
    count += endpoints(pair.first) * endpoints(pair.second);
  }
  return count;
}

void Tables::release(const Pair& pair) {
  const auto at = pairs_.find(pair);
  PATRONUS_ASSERT(at != pairs_.end() && at->second > 0, "a policy's pair is counted");
  if (--at->second > 0) return;
  pairs_.erase(at);
  rebuild_paths(pair);
}

void Tables::rebuild_paths_of(const std::string& id) {
  for (const auto& [pair, policies] : pairs_) {
    if (pair.first == id || pair.second == id) rebuild_paths(pair);
  }
}

void Tables::rebuild_paths(const Pair& pair) {
  std::map<PathKey, std::optional<PathState>> fresh;
  if (pairs_.contains(pair)) {
    for (const SiteEndpoint& from : sites_.find(pair.first)->second.fields.endpoints) {
      for (const SiteEndpoint& to : sites_.find(pair.second)->second.fields.endpoints) {
        fresh.emplace(PathKey{pair.first, from.address, pair.second, to.address}, std::nullopt);
      }
    }
  }
  for (auto at = paths_.lower_bound(PathKey{pair.first, {}, {}, {}});
       at != paths_.end() && at->first.source_site == pair.first;) {
    if (at->first.destination_site != pair.second || fresh.contains(at->first)) {
      ++at;
      continue;
    }
    const std::string key = table_rows::path_key(at->first);
    before(key);
    at = paths_.erase(at);
    after(key);
  }
  paths_.merge(fresh);
}

void Tables::before(const std::string& key) {
  if (!MUTANT(kForgetTableRow)) changes_.touch(key, *this);
  count(key, -1);
}

void Tables::after(const std::string& key) { count(key, 1); }

}  // namespace patronus
