// The tables' rows one after the other, for whoever copies all of them without holding the state up.
#include <algorithm>

#include "core/state/table_rows.h"
#include "core/state/tables.h"

namespace patronus {
namespace {

// The part of a key before the first zero, which is taken off it.
std::string take_part(std::string_view& key) {
  const size_t end = std::min(key.find('\0'), key.size());
  std::string part(key.substr(0, end));
  key.remove_prefix(std::min(end + 1, key.size()));
  return part;
}

EndpointKey endpoint_of(std::string_view rest) {
  std::string site = take_part(rest);
  return {std::move(site), take_part(rest)};
}

PathKey path_of(std::string_view rest) {
  PathKey key;
  key.source_site = take_part(rest);
  key.source_endpoint = take_part(rest);
  key.destination_site = take_part(rest);
  key.destination_endpoint = take_part(rest);
  return key;
}

}  // namespace

std::optional<std::string> Tables::projected_key_after(std::string_view key) const {
  if (schema_ == 0) return std::nullopt;
  if (key < table_rows::schema_key()) return table_rows::schema_key();
  const auto kind = static_cast<RowKind>(key.front());
  const std::string_view rest = key.substr(1);
  // The first of these behind the key, which may be of a kind before or behind theirs.
  const auto after = [&](RowKind own, const auto& rows, const auto& place) {
    return kind < own ? rows.begin() : kind > own ? rows.end() : rows.upper_bound(place(rest));
  };
  const auto name = [](std::string_view id) { return std::string(id); };
  if (const auto at = after(RowKind::kSite, sites_, name); at != sites_.end())
    return table_rows::site_key(at->first);
  if (const auto at = after(RowKind::kPolicy, policies_, name); at != policies_.end())
    return table_rows::policy_key(at->first);
  if (const auto at = after(RowKind::kEndpointState, endpoints_, endpoint_of); at != endpoints_.end())
    return table_rows::endpoint_key(at->first);
  // A path without a verdict has no row.
  auto path = after(RowKind::kPathState, paths_, path_of);
  path = std::find_if(path, paths_.end(), [](const auto& one) { return one.second.has_value(); });
  if (path != paths_.end()) return table_rows::path_key(path->first);
  const Index last{kind == RowKind::kAudit ? row_number(key).value_or(0) : 0};
  const auto record = std::upper_bound(audit_.begin(), audit_.end(), last,
                                       [](Index of, const AuditRecord& one) { return of < one.index; });
  return record == audit_.end() ? std::nullopt : std::optional(table_rows::audit_key(record->index));
}

}  // namespace patronus
