// Access tokens whose signature was verified, so that it is verified once. What they claim of time and
// session is judged anew at each use; this only remembers that the text is authentic.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/limits.h"
#include "io/auth/jwt.h"

namespace patronus::auth {

// The least recently used token makes room for a new one. Of the loop's thread alone.
class TokenCache {
 public:
  explicit TokenCache(size_t entries_max = limits::kTokenCacheEntriesMax);

  // The claims of this very text, all of which is compared; null when it isn't known. Constant time, no copy.
  // Valid until the next call of anything but find().
  [[nodiscard]] const Claims* find(std::string_view text);

  // Only for a token that verify_token() accepted.
  void put(std::string_view text, std::string_view kid, const Claims& claims);

  // Forgets every token signed with this key, when the key is withdrawn: the one call that looks at all.
  void forget_kid(std::string_view kid);

  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string text;
    std::string kid;
    Claims claims;
  };
  using Entries = std::list<Entry>;

  const size_t entries_max_;
  Entries entries_;                                                  // the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_text_;  // keys point into entries_
};

}  // namespace patronus::auth
