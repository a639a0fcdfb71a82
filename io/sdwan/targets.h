// Who is to be probed, as the cluster's tables say: every endpoint of every site, and the paths of policies
// that are enabled. What is known of those that stay is kept when they change.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/state/tables.h"
#include "io/auth/crypto.h"
#include "io/sdwan/target.h"

namespace patronus::sdwan {

class Targets {
 public:
  explicit Targets(auth::Crypto& crypto) : crypto_(crypto) {}

  // Does nothing while the tables are as they were.
  void follow(const Tables& tables);

  size_t size() const { return order_.size(); }
  size_t endpoints() const { return endpoints_.size(); }
  // In the order in which they are probed.
  const std::shared_ptr<Target>& at(size_t position) const { return order_[position]; }
  const Target* find(const EndpointKey& endpoint) const;
  const Target* find(const PathKey& path) const;
  // Null: there is no such site.
  const SiteKey* key_of(std::string_view site) const;
  // Samples that are kept of each.
  size_t samples_kept() const;

 private:
  std::shared_ptr<const SiteKey> renewed_key(const Site& site);
  void follow_endpoints(const Tables& tables);
  void follow_paths(const Tables& tables);

  auth::Crypto& crypto_;
  std::map<std::string, std::shared_ptr<const SiteKey>, std::less<>> keys_;
  std::map<EndpointKey, std::shared_ptr<Target>> endpoints_;
  std::map<PathKey, std::shared_ptr<Target>> paths_;
  std::vector<std::shared_ptr<Target>> order_;
  std::optional<uint64_t> version_;  // of the tables that were followed
};

}  // namespace patronus::sdwan
