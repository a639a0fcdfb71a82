#include "io/sdwan/targets.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"
#include "io/auth/secret.h"
#include "io/sdwan/probe_key.h"

namespace patronus::sdwan {
namespace {

// Probes that are on their way hold on to the key that they were made with; whoever lets go of it last wipes
// it.
struct WipedKey {
  void operator()(SiteKey* key) const {
    auth::wipe(key->bytes);
    delete key;
  }
};

}  // namespace

void Targets::follow(const Tables& tables) {
  if (version_ == tables.version()) return;
  version_ = tables.version();
  follow_endpoints(tables);
  follow_paths(tables);
  order_.clear();
  order_.reserve(endpoints_.size() + paths_.size());
  for (const auto& [key, target] : endpoints_) order_.push_back(target);
  for (const auto& [key, target] : paths_) order_.push_back(target);
}

std::shared_ptr<const SiteKey> Targets::renewed_key(const Site& site) {
  std::shared_ptr<const SiteKey>& key = keys_[site.id];
  if (key && key->generation == site.fields.key_generation) return key;
  std::unique_ptr<SiteKey, WipedKey> fresh(new SiteKey);
  fresh->generation = site.fields.key_generation;
  fresh->bytes = probe_key(site.id, fresh->generation, crypto_);
  key = std::shared_ptr<const SiteKey>(std::move(fresh));
  return key;
}

void Targets::follow_endpoints(const Tables& tables) {
  std::erase_if(keys_, [&](const auto& known) { return tables.site(known.first) == nullptr; });
  std::map<EndpointKey, std::shared_ptr<Target>> fresh;
  for (const auto& [id, site] : tables.sites()) {
    const std::shared_ptr<const SiteKey> key = renewed_key(site);
    for (const SiteEndpoint& endpoint : site.fields.endpoints) {
      const EndpointKey place{id, endpoint.address};
      const auto known = endpoints_.find(place);
      std::shared_ptr<Target> target = known == endpoints_.end() ? std::make_shared<Target>() : known->second;
      target->place = place;
      target->key = key;
      fresh.emplace_hint(fresh.end(), place, std::move(target));
    }
  }
  endpoints_ = std::move(fresh);
}

void Targets::follow_paths(const Tables& tables) {
  std::map<std::pair<std::string, std::string>, PathBounds> pairs;
  for (const auto& [id, policy] : tables.policies()) {
    if (!policy.fields.enabled) continue;
    pairs[{policy.fields.source_site, policy.fields.destination_site}].tighten(policy.fields);
  }
  std::map<PathKey, std::shared_ptr<Target>> fresh;
  for (const auto& [path, state] : tables.paths()) {
    const auto pair = pairs.find({path.source_site, path.destination_site});
    if (pair == pairs.end()) continue;
    const auto known = paths_.find(path);
    std::shared_ptr<Target> target = known == paths_.end() ? std::make_shared<Target>() : known->second;
    target->is_path = true;
    target->place = {path.source_site, path.source_endpoint};
    target->path = path;
    // Both sites are there, since a path is made of their endpoints.
    target->key = keys_.at(path.source_site);
    target->far_key = keys_.at(path.destination_site);
    target->bounds = pair->second;
    fresh.emplace_hint(fresh.end(), path, std::move(target));
  }
  paths_ = std::move(fresh);
}

const Target* Targets::find(const EndpointKey& endpoint) const {
  const auto at = endpoints_.find(endpoint);
  return at == endpoints_.end() ? nullptr : at->second.get();
}

const Target* Targets::find(const PathKey& path) const {
  const auto at = paths_.find(path);
  return at == paths_.end() ? nullptr : at->second.get();
}

const SiteKey* Targets::key_of(std::string_view site) const {
  const auto at = keys_.find(site);
  return at == keys_.end() ? nullptr : at->second.get();
}

size_t Targets::samples_kept() const {
  return std::clamp(limits::kSamplesKeptAll / std::max<size_t>(order_.size(), 1), limits::kSamplesKeptMin,
                    limits::kSamplesKept);
}

}  // namespace patronus::sdwan
