// Refresh tokens and the setup token: only what the cluster's own secret made is taken.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "io/auth/openssl_crypto.h"
#include "io/auth/refresh_token.h"
#include "io/auth/setup_token.h"
#include "io/json/base64.h"

namespace patronus::auth::refresh_token_test {
namespace {

constexpr std::string_view kSecret = "a cluster secret of enough bytes";
constexpr std::string_view kOtherSecret = "A cluster secret of enough bytes";

TEST(Id, IsFreshAndOfOneForm) {
  OpensslCrypto crypto(kSecret);
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const std::string id = new_id(crypto);
    EXPECT_EQ(id.size(), 22U);
    EXPECT_TRUE(is_id(id)) << id;
    EXPECT_TRUE(id.front() != '-' && id.front() != '_') << id << " looks like an option";
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_TRUE(is_id("AAAAAAAAAAAAAAAAAAAAAA"));
  for (const char* text : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB",
                           "AAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAA.AAAAAAAAAAA", "AAAAAAAAAA+AAAAAAAAAAA"}) {
    EXPECT_FALSE(is_id(text)) << text;
  }
}

class RefreshTokenTest : public ::testing::Test {
 protected:
  OpensslCrypto crypto{kSecret};
  OpensslCrypto same_cluster{kSecret};
  OpensslCrypto other_cluster{kOtherSecret};
  const std::string sid = new_id(crypto);
};

TEST_F(RefreshTokenTest, IsReadByAnyNodeOfTheCluster) {
  for (const uint64_t generation :
       {uint64_t{0}, uint64_t{1}, uint64_t{42}, std::numeric_limits<uint64_t>::max()}) {
    const RefreshToken token{sid, generation};
    const std::string text = make_refresh_token(token, crypto);
    EXPECT_EQ(text, make_refresh_token(token, same_cluster)) << "a retry gives the same";
    EXPECT_EQ(read_refresh_token(text, same_cluster), token);
    EXPECT_EQ(read_refresh_token(text, other_cluster), std::nullopt);
  }
}

// Who has one generation must not be able to make the next.
TEST_F(RefreshTokenTest, SaysNothingOfAnother) {
  const std::string first = make_refresh_token({sid, 1}, crypto);
  const std::string code = first.substr(first.rfind('.'));
  EXPECT_EQ(read_refresh_token(sid + ".1" + code, crypto), (RefreshToken{sid, 1}));
  EXPECT_EQ(read_refresh_token(sid + ".2" + code, crypto), std::nullopt);
  EXPECT_EQ(read_refresh_token(new_id(crypto) + ".1" + code, crypto), std::nullopt);
  EXPECT_EQ(read_refresh_token(sid + ".1." + json::base64url_encode(crypto.mac("setup", sid + ".1")), crypto),
            std::nullopt);
}

TEST_F(RefreshTokenTest, HasOneSpelling) {
  const std::string text = make_refresh_token({sid, 7}, crypto);
  const std::string code = text.substr(text.rfind('.'));
  for (const std::string& wrong : {std::string(),
                                   std::string("."),
                                   std::string(".."),
                                   sid,
                                   sid + ".",
                                   sid + ".7",
                                   sid + ".7.",
                                   sid + code,
                                   sid + "." + code,
                                   sid + ".07" + code,
                                   sid + ".+7" + code,
                                   sid + ".-7" + code,
                                   sid + ". 7" + code,
                                   sid + ".7.0" + code,
                                   sid + ".99999999999999999999" + code,
                                   sid + ".7" + std::string(100'000, '0') + code,
                                   text + "=",
                                   text + " ",
                                   " " + text,
                                   text + ".",
                                   text + text,
                                   text.substr(1),
                                   std::string(1'000'000, 'A')}) {
    EXPECT_EQ(read_refresh_token(wrong, crypto), std::nullopt) << wrong.substr(0, 200);
  }
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_EQ(read_refresh_token(text.substr(0, length), crypto), std::nullopt);
  }
}

RC_GTEST_PROP(RefreshTokenProperty, AnyChangeIsNoticed, (uint64_t generation, char c)) {
  OpensslCrypto crypto(kSecret);
  const RefreshToken token{new_id(crypto), generation};
  std::string text = make_refresh_token(token, crypto);
  RC_ASSERT(read_refresh_token(text, crypto) == token);
  const auto at = *rc::gen::inRange<size_t>(0, text.size());
  RC_PRE(text[at] != c);
  text[at] = c;
  RC_ASSERT(read_refresh_token(text, crypto) == std::nullopt);
}

TEST(SetupToken, IsTheSameOnEveryNodeOfOneClusterOnly) {
  OpensslCrypto crypto(kSecret);
  OpensslCrypto same_cluster(kSecret);
  OpensslCrypto other_cluster(kOtherSecret);
  const std::string token = setup_token("cluster 1", crypto);
  EXPECT_EQ(token.size(), 24U);
  EXPECT_EQ(json::base64url_decode(token).value(), crypto.mac("setup", "cluster 1").substr(0, 18));
  EXPECT_TRUE(is_setup_token(token, "cluster 1", same_cluster));
  EXPECT_FALSE(is_setup_token(token, "cluster 1", other_cluster));
  EXPECT_FALSE(is_setup_token(token, "cluster 2", crypto));
  for (const std::string& wrong : {std::string(), token.substr(1), token + "A", std::string(24, 'A')}) {
    EXPECT_FALSE(is_setup_token(wrong, "cluster 1", crypto));
  }
}

}  // namespace
}  // namespace patronus::auth::refresh_token_test
