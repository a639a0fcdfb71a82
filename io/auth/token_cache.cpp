#include "io/auth/token_cache.h"

#include "core/base/assert.h"

namespace patronus::auth {

TokenCache::TokenCache(size_t entries_max) : entries_max_(entries_max) {
  PATRONUS_ASSERT(entries_max > 0, "a cache has room");
}

const Claims* TokenCache::find(std::string_view text) {
  const auto found = by_text_.find(text);
  if (found == by_text_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->claims;
}

void TokenCache::put(std::string_view text, std::string_view kid, const Claims& claims) {
  if (text.size() > limits::kTokenBytesMax || by_text_.contains(text)) return;
  if (entries_.size() >= entries_max_) {
    by_text_.erase(entries_.back().text);
    entries_.pop_back();
  }
  entries_.push_front({std::string(text), std::string(kid), claims});
  by_text_.emplace(entries_.front().text, entries_.begin());
}

void TokenCache::forget_kid(std::string_view kid) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->kid != kid) {
      ++entry;
      continue;
    }
    by_text_.erase(entry->text);
    entry = entries_.erase(entry);
  }
}

}  // namespace patronus::auth
