// What a request's headers bring: cookies among other people's cookies, and bearer tokens. And cookies as
// set.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <cstdio>
#include <string>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "io/auth/bearer.h"
#include "io/auth/cookies.h"

namespace patronus::auth::cookies_test {
namespace {

using namespace std::chrono_literals;

TEST(Cookies, AreFoundAmongOthers) {
  EXPECT_EQ(cookie_value("r=abc", "r"), "abc");
  EXPECT_EQ(cookie_value("a=1; r=abc; b=2", "r"), "abc");
  EXPECT_EQ(cookie_value("a=1;r=abc;b=2", "r"), "abc");
  EXPECT_EQ(cookie_value("a=1 ; \t r = abc \t; b=2", "r"), "abc");
  EXPECT_EQ(cookie_value("r=", "r"), "");
  EXPECT_EQ(cookie_value("r=a=b==", "r"), "a=b==");
  EXPECT_EQ(cookie_value("=x; r=abc", "r"), "abc");
  EXPECT_EQ(cookie_value(";;; ; nothing; r=abc;", "r"), "abc");
  EXPECT_EQ(cookie_value("$Version=1; r=abc; $Path=/", "r"), "abc");
}

TEST(Cookies, AreNotFoundWhereTheyAreNot) {
  for (const char* header : {"", ";", "r", "R=abc", "rr=abc", "xr=abc", "a=r=abc", "a=1, r=abc", "r;=abc"}) {
    EXPECT_EQ(cookie_value(header, "r"), std::nullopt) << header;
  }
  EXPECT_EQ(cookie_value("=abc", ""), std::nullopt);
}

TEST(Cookies, TheFirstOfANameCounts) {
  EXPECT_EQ(cookie_value("r=first; r=second", "r"), "first");
  EXPECT_EQ(cookie_value("r=; r=second", "r"), "");
}

// A parser that lets quotes hold semicolons can be made to read another cookie than the browser sent.
TEST(Cookies, QuotesHoldNothingTogether) {
  EXPECT_EQ(cookie_value("a=\"x; r=abc\"", "r"), "abc\"");
  EXPECT_EQ(cookie_value("a=\"; r=abc; b=\"", "r"), "abc");
  EXPECT_EQ(cookie_value("r=\"abc\"", "r"), "\"abc\"");
  EXPECT_EQ(cookie_value("r=a\\;b", "r"), "a\\");
}

TEST(Cookies, AreSetForBrowsersAlone) {
  EXPECT_EQ(set_cookie({"r", "abc", "/api/v1/auth", 3600s}),
            "r=abc; Path=/api/v1/auth; Max-Age=3600; HttpOnly; SameSite=Strict; Secure");
  EXPECT_EQ(set_cookie({.name = "r", .value = "abc", .max_age = 1s, .secure = false}),
            "r=abc; Path=/; Max-Age=1; HttpOnly; SameSite=Strict");
  EXPECT_EQ(set_cookie({.name = "r", .value = ""}),
            "r=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
}

// Assertions say why they failed, in the child process alone.
std::string set_aloud(const Cookie& cookie) {
  set_assertion_handler([](const char*, const char* why, const char*, int) { std::fputs(why, stderr); });
  return set_cookie(cookie);
}

TEST(CookiesDeathTest, NothingBreaksOutOfTheHeader) {
  for (const char* value : {"a;b", "a b", "a\r\nX: y", "a,b", "\"a\"", "a\\b", "\x80"}) {
    EXPECT_DEATH(static_cast<void>(set_aloud({.name = "r", .value = value})), "keeps within its header");
  }
  EXPECT_DEATH(static_cast<void>(set_aloud({.name = "", .value = "a"})), "a token");
  EXPECT_DEATH(static_cast<void>(set_aloud({.name = "r=x;", .value = "a"})), "a token");
  EXPECT_DEATH(static_cast<void>(set_aloud({"r", "a", "/; Domain=x", 1s})), "keeps within its header");
  EXPECT_DEATH(static_cast<void>(set_aloud({"r", "a", "x", 1s})), "keeps within its header");
}

RC_GTEST_PROP(CookiesProperty, WhatIsSetIsRead, (uint64_t number)) {
  const std::string value = std::to_string(number);
  const std::string set = set_cookie({.name = "session", .value = value, .max_age = 1s});
  const std::string sent = set.substr(0, set.find(';'));
  // Other cookies of any content, as long as they aren't of this name.
  std::string before = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab=\"; \t\\,xr$")));
  RC_ASSERT(cookie_value(before + ";" + sent + "; more=1", "session") == value);
}

std::string bearer(std::string_view header) {
  const auto read = read_bearer(header);
  if (const auto* token = std::get_if<BearerToken>(&read)) return "token " + std::string(token->text);
  return std::get<std::string>(read);
}

TEST(Bearer, ReadsOneToken) {
  EXPECT_EQ(bearer("Bearer abc"), "token abc");
  EXPECT_EQ(bearer("bearer abc"), "token abc");
  EXPECT_EQ(bearer("BEARER   abc  "), "token abc");
  EXPECT_EQ(bearer("Bearer aA0-._~+/=="), "token aA0-._~+/==");
}

TEST(Bearer, RefusesAnythingElseWithTheReason) {
  const std::string scheme =
      "the Authorization header must be of the scheme Bearer: \"Bearer <access token>\"";
  const std::string one_token =
      "the Authorization header must have exactly one token, without spaces, commas or quotes";
  for (const char* header :
       {"", " ", "abc", "Basic dTpw", "Bearerabc", "Bearer\tabc", "Bearer,abc", "Token abc"}) {
    EXPECT_EQ(bearer(header), scheme) << header;
  }
  EXPECT_EQ(bearer("Bearer"), "the Authorization header has no token: write \"Bearer <access token>\"");
  EXPECT_EQ(bearer("Bearer  "), bearer("Bearer"));
  for (const char* header : {"Bearer a b", "Bearer a,b", "Bearer a, Bearer b", "Bearer \"a\"", "Bearer =",
                             "Bearer a=b", "Bearer a\tb", "Bearer a;b", "Bearer \x80", "Bearer token=a"}) {
    EXPECT_EQ(bearer(header), one_token) << header;
  }
  EXPECT_EQ(bearer("Bearer " + std::string(limits::kTokenBytesMax, 'a')).size(), limits::kTokenBytesMax + 6);
  EXPECT_EQ(bearer("Bearer " + std::string(limits::kTokenBytesMax + 1, 'a')),
            "the token in the Authorization header is longer than 4096 bytes");
}

}  // namespace
}  // namespace patronus::auth::cookies_test
