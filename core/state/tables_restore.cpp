// Sites and policies as a snapshot holds them, in place of those that there are.
#include <algorithm>

#include "core/base/assert.h"
#include "core/state/table_rows.h"
#include "core/state/tables.h"

namespace patronus {

// Names and pairs follow from sites and policies, and two that swap their names must not meet: so all of
// these are made anew, and what is equal keeps its revisions.
Tables::Become Tables::become(const Tables& wanted, Index at) {
  PATRONUS_ASSERT(schema_ > 0 && wanted.schema_ > 0, "only open tables are restored");
  // Of a map what is not kept; how many.
  const auto drop = [this](auto& map, const auto& row_key, const auto& keeps) {
    uint64_t dropped = 0;
    for (auto one = map.begin(); one != map.end();) {
      if (keeps(one->first)) {
        ++one;
        continue;
      }
      const std::string key = row_key(one->first);
      before(key);
      one = map.erase(one);
      after(key);
      ++dropped;
    }
    return dropped;
  };
  Become counts;
  counts.deleted +=
      drop(sites_, table_rows::site_key, [&](const auto& id) { return wanted.sites_.contains(id); });
  counts.deleted +=
      drop(policies_, table_rows::policy_key, [&](const auto& id) { return wanted.policies_.contains(id); });
  replace_entities(sites_, wanted.sites_, table_rows::site_key, at, counts);
  replace_entities(policies_, wanted.policies_, table_rows::policy_key, at, counts);
  site_names_ = wanted.site_names_;
  policy_names_ = wanted.policy_names_;
  pairs_ = wanted.pairs_;
  endpoint_count_ = wanted.endpoint_count_;
  // What was found out about endpoints and paths that are there still is as true as before.
  drop(endpoints_, table_rows::endpoint_key, [&](const auto& place) { return has_endpoint(place); });
  drop(paths_, table_rows::path_key, [&](const auto& key) { return wanted.paths_.contains(key); });
  for (const auto& [key, state] : wanted.paths_) paths_.try_emplace(key);
  if (counts.put + counts.deleted > 0) ++version_;
  return counts;
}

template <typename Entities, typename KeyOf>
void Tables::replace_entities(Entities& entities, const Entities& wanted, KeyOf key_of, Index at,
                              Become& counts) {
  for (const auto& [id, found] : wanted) {
    const auto known = entities.find(id);
    auto fields = found.fields;
    if (known != entities.end()) keep_what_was_revoked(known->second.fields, fields);
    if (known != entities.end() && known->second.fields == fields) {
      ++counts.unchanged;
      continue;
    }
    const std::string key = key_of(id);
    before(key);
    auto& entity = entities[id];
    if (entity.version == 0) {
      entity.id = id;
      entity.created_wall_ms = found.created_wall_ms;
      entity.create_revision = at;
    }
    entity.fields = std::move(fields);
    entity.mod_revision = at;
    ++entity.version;
    after(key);
    ++counts.put;
  }
}

// A key of probes that was replaced since the snapshot stays replaced.
void Tables::keep_what_was_revoked(const SiteFields& now, SiteFields& restored) {
  restored.key_generation = std::max(restored.key_generation, now.key_generation);
}

}  // namespace patronus
