// The dashboard's tables as rows, and back.
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/state/table_rows.h"
#include "core/state/tables.h"

namespace patronus {
namespace {

using namespace limits;

// What a row costs of the quota besides its bytes: nodes of maps, strings.
constexpr size_t kTableRowOverheadBytes = 192;

size_t row_cost(std::string_view key, const RowValue& value) {
  return kTableRowOverheadBytes + key.size() + value.size();
}

template <typename Entity>
RowValue encoded(const Entity& entity) {
  RowValue value;
  Writer out(value.head);
  encode(out, entity.fields);
  out.i64(entity.created_wall_ms);
  out.u64(entity.create_revision.value);
  out.u64(entity.mod_revision.value);
  out.u64(entity.version);
  return value;
}

RowValue encoded(const EndpointState& state) {
  RowValue value;
  Writer out(value.head);
  out.boolean(state.reachable);
  out.i64(state.since_wall_ms);
  out.i64(state.seen_wall_ms);
  return value;
}

RowValue encoded(const PathState& state) {
  RowValue value;
  Writer out(value.head);
  encode(out, state.verdict);
  out.i64(state.since_wall_ms);
  return value;
}

RowValue encoded(const AuditRecord& record) {
  RowValue value;
  Writer out(value.head);
  out.i64(record.wall_ms);
  out.bytes(record.user);
  out.bytes(record.action);
  out.bytes(record.object);
  out.bytes(record.detail);
  return value;
}

RowValue encoded_schema(uint32_t schema) {
  RowValue value;
  Writer(value.head).u32(schema);
  return value;
}

template <typename Entity, typename Decode>
std::optional<Entity> decode_entity(std::string_view key, std::string_view value, RowKind kind,
                                    Decode decode) {
  if (key.empty() || static_cast<RowKind>(key.front()) != kind) return std::nullopt;
  Entity entity;
  entity.id = key.substr(1);
  Reader in(value);
  entity.fields = decode(in);
  entity.created_wall_ms = in.i64();
  entity.create_revision = Index{in.u64()};
  entity.mod_revision = Index{in.u64()};
  entity.version = in.u64();
  const bool is_sane = in.done() && !entity.id.empty() && entity.id.size() <= kTableIdBytesMax &&
                       entity.version > 0 && entity.create_revision &&
                       entity.create_revision <= entity.mod_revision && !fault_of(entity.fields);
  return is_sane ? std::optional(std::move(entity)) : std::nullopt;
}

// The parts of a key between zeros.
std::vector<std::string> parts_of(std::string_view key) {
  std::vector<std::string> parts(1);
  for (const char c : key.substr(1)) {
    if (c == '\0') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

}  // namespace

namespace table_rows {

std::string schema_key() { return row_key(RowKind::kTables); }
std::string site_key(const std::string& id) { return row_key(RowKind::kSite, id); }
std::string policy_key(const std::string& id) { return row_key(RowKind::kPolicy, id); }
std::string endpoint_key(const EndpointKey& place) {
  return row_key(RowKind::kEndpointState, place.first + '\0' + place.second);
}
std::string path_key(const PathKey& key) {
  return row_key(RowKind::kPathState, key.source_site + '\0' + key.source_endpoint + '\0' +
                                          key.destination_site + '\0' + key.destination_endpoint);
}
std::string audit_key(Index index) { return row_key(RowKind::kAudit, index.value); }

}  // namespace table_rows

std::optional<Site> decode_site_row(std::string_view key, std::string_view value) {
  return decode_entity<Site>(key, value, RowKind::kSite, decode_site_fields);
}

std::optional<Policy> decode_policy_row(std::string_view key, std::string_view value) {
  return decode_entity<Policy>(key, value, RowKind::kPolicy, decode_policy_fields);
}

std::optional<std::pair<EndpointKey, EndpointState>> decode_endpoint_row(std::string_view key,
                                                                         std::string_view value) {
  if (key.empty() || static_cast<RowKind>(key.front()) != RowKind::kEndpointState) return std::nullopt;
  std::vector<std::string> parts = parts_of(key);
  if (parts.size() != 2) return std::nullopt;
  Reader in(value);
  EndpointState state;
  state.reachable = in.boolean();
  state.since_wall_ms = in.i64();
  state.seen_wall_ms = in.i64();
  if (!in.done()) return std::nullopt;
  return std::pair{EndpointKey{std::move(parts[0]), std::move(parts[1])}, state};
}

std::optional<PathState> decode_path_row(std::string_view key, std::string_view value) {
  Reader in(value);
  PathState state;
  state.verdict = decode_path_verdict(in);
  state.since_wall_ms = in.i64();
  if (!in.done() || table_rows::path_key(state.verdict.key) != key) return std::nullopt;
  return state;
}

std::optional<AuditRecord> decode_audit_row(std::string_view key, std::string_view value) {
  if (key.empty() || static_cast<RowKind>(key.front()) != RowKind::kAudit) return std::nullopt;
  const std::optional<uint64_t> number = row_number(key);
  if (!number || *number == 0) return std::nullopt;
  Reader in(value);
  AuditRecord record;
  record.index = Index{*number};
  record.wall_ms = in.i64();
  record.user = in.text(kAccountIdBytesMax);
  record.action = in.text(kTableNameBytesMax);
  record.object = in.text(kAuditObjectBytesMax);
  record.detail = in.text(kAuditDetailBytesMax);
  return in.done() ? std::optional(std::move(record)) : std::nullopt;
}

void Tables::for_each_row(const RowVisitor& visit) const {
  if (schema_ == 0) return;
  visit(table_rows::schema_key(), encoded_schema(schema_));
  for (const auto& [id, site] : sites_) visit(table_rows::site_key(id), encoded(site));
  for (const auto& [id, policy] : policies_) visit(table_rows::policy_key(id), encoded(policy));
  for (const auto& [place, state] : endpoints_) visit(table_rows::endpoint_key(place), encoded(state));
  for (const auto& [key, state] : paths_) {
    if (state) visit(table_rows::path_key(key), encoded(*state));
  }
  for (const AuditRecord& record : audit_) visit(table_rows::audit_key(record.index), encoded(record));
}

std::optional<RowValue> Tables::row(std::string_view key) const {
  const auto value_of = [&](const auto& map, const auto& place) -> std::optional<RowValue> {
    const auto at = map.find(place);
    return at == map.end() ? std::nullopt : std::optional(encoded(at->second));
  };
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kTables:
      return schema_ == 0 ? std::nullopt : std::optional(encoded_schema(schema_));
    case RowKind::kSite:
      return value_of(sites_, key.substr(1));
    case RowKind::kPolicy:
      return value_of(policies_, key.substr(1));
    case RowKind::kEndpointState: {
      std::vector<std::string> parts = parts_of(key);
      return value_of(endpoints_, EndpointKey{parts[0], parts[1]});
    }
    case RowKind::kPathState: {
      std::vector<std::string> parts = parts_of(key);
      const auto at = paths_.find(PathKey{parts[0], parts[1], parts[2], parts[3]});
      if (at == paths_.end() || !at->second) return std::nullopt;
      return encoded(*at->second);
    }
    default: {
      const Index index{row_number(key).value_or(0)};
      const auto at = std::lower_bound(audit_.begin(), audit_.end(), index,
                                       [](const AuditRecord& record, Index of) { return record.index < of; });
      if (at == audit_.end() || at->index != index) return std::nullopt;
      return encoded(*at);
    }
  }
}

size_t Tables::entity_bytes() const {
  size_t bytes = schema_ == 0 ? 0 : row_cost(table_rows::schema_key(), encoded_schema(schema_));
  for (const auto& [id, site] : sites_) bytes += row_cost(table_rows::site_key(id), encoded(site));
  for (const auto& [id, policy] : policies_) bytes += row_cost(table_rows::policy_key(id), encoded(policy));
  return bytes;
}

void Tables::count(const std::string& key, int sign) {
  const std::optional<RowValue> value = row(key);
  if (!value) return;
  const uint64_t fact = hash64(key, hash64(value->head));
  const size_t cost = row_cost(key, *value);
  if (sign > 0) {
    hash_ += fact;
    bytes_ += cost;
  } else {
    hash_ -= fact;
    bytes_ -= cost;
  }
}

// Rows of one kind come after those of the kinds before, so what they refer to is there.
std::optional<std::string> Tables::load_row(std::string_view key, std::string_view value, Index applied) {
  constexpr std::string_view kNonsense = "a row of the dashboard's tables makes no sense";
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kTables: {
      Reader in(value);
      schema_ = in.u32();
      if (!in.done() || key.size() != 1 || schema_ == 0) return std::string(kNonsense);
      if (schema_ > kTablesSchema) return "the dashboard's tables are of a later version than this one knows";
      break;
    }
    case RowKind::kSite: {
      std::optional<Site> site = decode_site_row(key, value);
      if (!site || site->mod_revision > applied || !site_names_.emplace(site->fields.name, site->id).second)
        return std::string(kNonsense);
      endpoint_count_ += site->fields.endpoints.size();
      sites_.emplace(site->id, std::move(*site));
      break;
    }
    case RowKind::kPolicy: {
      std::optional<Policy> policy = decode_policy_row(key, value);
      if (!policy || policy->mod_revision > applied ||
          !policy_names_.emplace(policy->fields.name, policy->id).second)
        return std::string(kNonsense);
      const Pair pair{policy->fields.source_site, policy->fields.destination_site};
      if (!sites_.contains(pair.first) || !sites_.contains(pair.second)) return std::string(kNonsense);
      ++pairs_[pair];
      rebuild_paths(pair);
      policies_.emplace(policy->id, std::move(*policy));
      break;
    }
    case RowKind::kEndpointState: {
      const auto row = decode_endpoint_row(key, value);
      if (!row || !has_endpoint(row->first)) return std::string(kNonsense);
      endpoints_.insert(*row);
      break;
    }
    case RowKind::kPathState: {
      std::optional<PathState> state = decode_path_row(key, value);
      const auto at = state ? paths_.find(state->verdict.key) : paths_.end();
      if (at == paths_.end()) return std::string(kNonsense);
      at->second = std::move(*state);
      break;
    }
    default: {
      std::optional<AuditRecord> record = decode_audit_row(key, value);
      if (!record || record->index > applied) return std::string(kNonsense);
      audit_.push_back(std::move(*record));
      break;
    }
  }
  const bool is_within = schema_ != 0 && sites_.size() <= kSitesMax && policies_.size() <= kPoliciesMax &&
                         endpoint_count_ <= kEndpointsMax && paths_.size() <= kPathsMax &&
                         audit_.size() <= kAuditKept;
  if (!is_within) return std::string(kNonsense);
  ++version_;
  count(std::string(key), 1);
  return std::nullopt;
}

}  // namespace patronus
