// The cache of verified tokens against a plain model, and its bound.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/auth/token_cache.h"

namespace patronus::auth::token_cache_test {
namespace {

Claims of(const std::string& user) { return {"c", user, "s", 1, 2, "viewer"}; }

TEST(TokenCache, KnowsWhatWasPut) {
  TokenCache cache;
  EXPECT_EQ(cache.find("token a"), nullptr);
  cache.put("token a", "k1", of("a"));
  cache.put("token b", "k1", of("b"));
  ASSERT_NE(cache.find("token a"), nullptr);
  EXPECT_EQ(*cache.find("token a"), of("a"));
  EXPECT_EQ(*cache.find("token b"), of("b"));
}

TEST(TokenCache, ComparesTheWholeText) {
  TokenCache cache;
  const std::string text(500, 't');
  cache.put(text, "k1", of("a"));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'u';
    EXPECT_EQ(cache.find(other), nullptr);
  }
  EXPECT_EQ(cache.find(text.substr(1)), nullptr);
  EXPECT_EQ(cache.find(text + "t"), nullptr);
  EXPECT_EQ(cache.find(""), nullptr);
}

// A token is authentic once and for all, so a second word on it changes nothing.
TEST(TokenCache, KeepsTheFirst) {
  TokenCache cache;
  cache.put("token", "k1", of("a"));
  cache.put("token", "k2", of("b"));
  EXPECT_EQ(*cache.find("token"), of("a"));
  EXPECT_EQ(cache.size(), 1U);
}

TEST(TokenCache, ForgetsTheLeastRecentlyUsed) {
  TokenCache cache(3);
  for (const char* text : {"a", "b", "c"}) cache.put(text, "k1", of(text));
  EXPECT_NE(cache.find("a"), nullptr);
  cache.put("d", "k1", of("d"));
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.find("b"), nullptr);
  for (const char* text : {"a", "c", "d"}) EXPECT_NE(cache.find(text), nullptr) << text;
}

TEST(TokenCache, ForgetsAKeysTokens) {
  TokenCache cache;
  for (int i = 0; i < 100; ++i) {
    cache.put("token " + std::to_string(i), i % 3 == 0 ? "old" : "new", of(std::to_string(i)));
  }
  cache.forget_kid("old");
  cache.forget_kid("none");
  EXPECT_EQ(cache.size(), 66U);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(cache.find("token " + std::to_string(i)) == nullptr, i % 3 == 0) << i;
}

TEST(TokenCache, HasABound) {
  TokenCache cache;
  for (size_t i = 0; i < limits::kTokenCacheEntriesMax * 2; ++i) cache.put(std::to_string(i), "k", of("u"));
  EXPECT_EQ(cache.size(), limits::kTokenCacheEntriesMax);
  cache.put(std::string(limits::kTokenBytesMax + 1, 'x'), "k", of("u"));
  EXPECT_EQ(cache.find(std::string(limits::kTokenBytesMax + 1, 'x')), nullptr);
}

RC_GTEST_PROP(TokenCacheProperty, DoesAsAPlainListDoes, ()) {
  struct Known {
    std::string text;
    std::string kid;
  };
  const auto capacity = *rc::gen::inRange<size_t>(1, 6);
  TokenCache cache(capacity);
  std::vector<Known> model;  // the most recently used last
  const auto steps = *rc::gen::inRange(0, 60);
  for (int step = 0; step < steps; ++step) {
    const std::string text = std::to_string(*rc::gen::inRange(0, 9));
    const std::string kid = std::to_string(*rc::gen::inRange(0, 3));
    const auto known =
        std::find_if(model.begin(), model.end(), [&](const Known& k) { return k.text == text; });
    switch (*rc::gen::weightedElement<int>({{5, 0}, {5, 1}, {1, 2}})) {
      case 0: {
        const Claims* const found = cache.find(text);
        RC_ASSERT((found != nullptr) == (known != model.end()));
        if (found == nullptr) break;
        RC_ASSERT(*found == of(text));
        std::rotate(known, known + 1, model.end());
        break;
      }
      case 1:
        cache.put(text, kid, of(text));
        if (known != model.end()) break;
        if (model.size() == capacity) model.erase(model.begin());
        model.push_back({text, kid});
        break;
      default:
        cache.forget_kid(kid);
        std::erase_if(model, [&](const Known& k) { return k.kid == kid; });
    }
    RC_ASSERT(cache.size() == model.size());
  }
}

}  // namespace
}  // namespace patronus::auth::token_cache_test
