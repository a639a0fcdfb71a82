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
  Become counts;
  replace_entities(sites_, wanted.sites_, table_rows::site_key, at, counts);
  replace_entities(policies_, wanted.policies_, table_rows::policy_key, at, counts);
  site_names_ = wanted.site_names_;
  policy_names_ = wanted.policy_names_;
  pairs_ = wanted.pairs_;
  endpoint_count_ = wanted.endpoint_count_;
  // What was found out about endpoints and paths that are there still is as true as before.
  for (auto one = endpoints_.begin(); one != endpoints_.end();) {
    if (has_endpoint(one->first)) {
      ++one;
      continue;
    }
    const std::string key = table_rows::endpoint_key(one->first);
    before(key);
    one = endpoints_.erase(one);
    after(key);
  }
  for (auto one = paths_.begin(); one != paths_.end();) {
    if (wanted.paths_.contains(one->first)) {
      ++one;
      continue;
    }
    const std::string key = table_rows::path_key(one->first);
    before(key);
    one = paths_.erase(one);
    after(key);
  }
  for (const auto& [key, state] : wanted.paths_) paths_.try_emplace(key);
  if (counts.put + counts.deleted > 0) ++version_;
  return counts;
}

template <typename Entities, typename KeyOf>
void Tables::replace_entities(Entities& entities, const Entities& wanted, KeyOf key_of, Index at,
                              Become& counts) {
  for (auto one = entities.begin(); one != entities.end();) {
    if (wanted.contains(one->first)) {
      ++one;
      continue;
    }
    const std::string key = key_of(one->first);
    before(key);
    one = entities.erase(one);
    after(key);
    ++counts.deleted;
  }
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
