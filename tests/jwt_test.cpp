// Access tokens: what is signed is read back, and nothing but the one strict form is read at all.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/jwt.h"
#include "io/auth/openssl_crypto.h"
#include "io/json/base64.h"

namespace patronus::auth::jwt_test {
namespace {

using json::base64url_decode;
using json::base64url_encode;

constexpr std::string_view kSecret = "a cluster secret of enough bytes";
constexpr const char* kHeader = R"({"alg":"EdDSA","typ":"JWT","kid":"k1"})";
constexpr const char* kPayload =
    R"({"iss":"c","sub":"u1","sid":"s1","iat":1700000000,"exp":1700000900,"role":"viewer","rev":7})";

Claims claims() { return {"c", "u1", "s1", 1'700'000'000, 1'700'000'900, "viewer"}; }

// A token of this header and payload; the signature has the right length and is nobody's.
std::string token_of(std::string_view header, std::string_view payload) {
  return base64url_encode(header) + "." + base64url_encode(payload) + "." +
         base64url_encode(std::string(kSignatureBytes, 's'));
}

std::string reason(std::string_view text) {
  const auto parsed = parse_token(text);
  const auto* why = std::get_if<std::string>(&parsed);
  return why == nullptr ? "accepted" : *why;
}

class JwtTest : public ::testing::Test {
 protected:
  OpensslCrypto crypto{kSecret};
  const KeyPair key = crypto.make_signing_key();
};

TEST_F(JwtTest, IsReadAsItWasSigned) {
  const std::string text = sign_token(claims(), "k1", key.private_key, crypto);
  const auto token = std::get<ParsedToken>(parse_token(text));
  EXPECT_EQ(token.kid, "k1");
  EXPECT_EQ(token.claims, claims());
  EXPECT_TRUE(verify_token(token, key.public_key, crypto));
  EXPECT_FALSE(verify_token(token, crypto.make_signing_key().public_key, crypto));
  EXPECT_EQ(base64url_decode(text.substr(0, text.find('.'))), kHeader);
}

TEST_F(JwtTest, IsNotSignedWithWhatIsNoKey) { EXPECT_EQ(sign_token(claims(), "k1", "", crypto), ""); }

TEST_F(JwtTest, FitsWithTheLongestClaims) {
  const std::string longest(limits::kTokenClaimBytesMax, 'x');
  const Claims all = {longest, longest, longest, 0, 9'000'000'000'000'000, longest};
  const std::string kid(limits::kTokenKeyIdBytesMax, 'k');
  const std::string text = sign_token(all, kid, key.private_key, crypto);
  EXPECT_EQ(std::get<ParsedToken>(parse_token(text)).claims, all);
}

// Scenario: a token is taken, and any one character of it is changed.
TEST_F(JwtTest, NoChangedTokenIsVerified) {
  const std::string text = sign_token(claims(), "k1", key.private_key, crypto);
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'A', 'z', '0', '-', '.', '=', ' '}) {
      std::string changed = text;
      if (changed[i] == c) continue;
      changed[i] = c;
      const auto parsed = parse_token(changed);
      const auto* token = std::get_if<ParsedToken>(&parsed);
      EXPECT_TRUE(token == nullptr || !verify_token(*token, key.public_key, crypto)) << changed;
    }
  }
}

// The example of RFC 8037 appendix A.4 is a sound signature, but no access token: no kid, a payload that
// isn't JSON.
TEST_F(JwtTest, TheExampleOfRfc8037) {
  const std::string input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  const std::string signature =
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  const ParsedToken token = {"", {}, input, base64url_decode(signature).value()};
  const std::string public_key = base64url_decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").value();
  EXPECT_TRUE(verify_token(token, public_key, crypto));
  EXPECT_EQ(reason(input + "." + signature), "the token's header: kid is required");
}

TEST(JwtParser, TakesTheDocumentedForm) {
  EXPECT_EQ(reason(token_of(kHeader, kPayload)), "accepted");
  EXPECT_EQ(reason(token_of(R"({"kid":"k1","alg":"EdDSA"})", kPayload)), "accepted");
  EXPECT_EQ(reason(token_of(R"( { "kid" : "k1" , "alg" : "EdDSA" } )", kPayload)), "accepted");
  // A later version's claim.
  EXPECT_EQ(
      reason(token_of(
          kHeader,
          R"({"aud":["a"],"iss":"c","sub":"u","sid":"s","iat":1,"exp":2,"role":"viewer","rev":7,"x":{"y":null}})")),
      "accepted");
}

TEST(JwtParser, RefusesOtherAlgorithms) {
  for (const char* alg :
       {"none", "None", "NONE", "HS256", "RS256", "ES256", "eddsa", "EdDSA ", "Ed25519", ""}) {
    const std::string header = R"({"alg":")" + std::string(alg) + R"(","kid":"k1"})";
    EXPECT_EQ(reason(token_of(header, kPayload)), "the token's alg must be EdDSA") << alg;
  }
  EXPECT_EQ(reason(token_of(R"({"kid":"k1"})", kPayload)), "the token's header: alg is required");
  EXPECT_EQ(reason(token_of(R"({"alg":null,"kid":"k1"})", kPayload)), "the token's header: alg is required");
  EXPECT_EQ(reason(token_of(R"({"alg":["EdDSA"],"kid":"k1"})", kPayload)),
            "the token's header is not JSON as it should be: nested too deeply");
}

TEST(JwtParser, RefusesHeadersWithAnythingMore) {
  for (const char* more : {R"("crit":["exp"])", R"("crit":null)", R"("jwk":"{}")",
                           R"("jku":"http://127.0.0.1/")", R"("x5u":"x")", R"("b64":false)", R"("zip":"DEF")",
                           R"("enc":"A256GCM")", R"("Alg":"none")", R"("":1)"}) {
    const std::string header = R"({"alg":"EdDSA","kid":"k1",)" + std::string(more) + "}";
    EXPECT_NE(reason(token_of(header, kPayload)), "accepted") << more;
  }
  EXPECT_EQ(reason(token_of(R"({"alg":"EdDSA","kid":"k1","jku":"x"})", kPayload)),
            "the token's header: jku is not a known field");
  for (const char* typ : {R"("jwt")", R"("at+jwt")", R"("")", "null", "1"}) {
    const std::string header = R"({"alg":"EdDSA","kid":"k1","typ":)" + std::string(typ) + "}";
    EXPECT_NE(reason(token_of(header, kPayload)), "accepted") << typ;
  }
  for (const std::string& kid : {std::string(), std::string(limits::kTokenKeyIdBytesMax + 1, 'k')}) {
    EXPECT_NE(reason(token_of(R"({"alg":"EdDSA","kid":")" + kid + R"("})", kPayload)), "accepted");
  }
}

TEST(JwtParser, RefusesTheSameMemberTwice) {
  EXPECT_EQ(reason(token_of(R"({"alg":"none","alg":"EdDSA","kid":"k1"})", kPayload)),
            "the token's header is not JSON as it should be: the same key twice in one object");
  EXPECT_EQ(reason(token_of(R"({"alg":"EdDSA","\u0061lg":"none","kid":"k1"})", kPayload)),
            "the token's header is not JSON as it should be: the same key twice in one object");
  EXPECT_EQ(
      reason(token_of(
          kHeader, R"({"sub":"u1","iss":"c","sub":"u2","sid":"s","iat":1,"exp":2,"role":"viewer","rev":7})")),
      "the token's payload is not JSON as it should be: the same key twice in one object");
}

TEST(JwtParser, RefusesClaimsThatAreMissingOrOfAnotherType) {
  const std::vector<std::pair<std::string, std::string>> members = {
      {"iss", R"("c")"}, {"sub", R"("u")"},       {"sid", R"("s")"}, {"iat", "1"},
      {"exp", "2"},      {"role", R"("viewer")"}, {"rev", "7"}};
  const auto payload = [&](const std::string& changed, const std::string& to) {
    std::string text = "{";
    for (const auto& [name, value] : members) {
      const std::string& written = name == changed ? to : value;
      if (!written.empty()) text += (text.size() > 1 ? "," : "") + ("\"" + name + "\":") + written;
    }
    return text + "}";
  };
  ASSERT_EQ(reason(token_of(kHeader, payload("none", ""))), "accepted");
  const std::string too_long = "\"" + std::string(limits::kTokenClaimBytesMax + 1, 'x') + "\"";
  for (const auto& [name, value] : members) {
    EXPECT_EQ(reason(token_of(kHeader, payload(name, ""))), "the token's payload: " + name + " is required");
    EXPECT_EQ(reason(token_of(kHeader, payload(name, "null"))),
              "the token's payload: " + name + " is required");
    for (const std::string& wrong :
         {std::string("1.0"), std::string("1e9"), std::string("-1"), std::string("9223372036854775807"),
          std::string("9223372036854775808"), std::string("true"), std::string("[]"), std::string("{}"),
          std::string("\"\""), too_long}) {
      EXPECT_NE(reason(token_of(kHeader, payload(name, wrong))), "accepted") << name << " " << wrong;
    }
  }
  for (const char* number : {R"("1")", "01", "+1", "0x1"}) {
    EXPECT_NE(reason(token_of(kHeader, payload("exp", number))), "accepted") << number;
  }
  for (const char* text : {"", "[]", "null", "1", "\"x\"", "{", "{}x", "{}{}", "\xef\xbb\xbf{}"}) {
    EXPECT_NE(reason(token_of(kHeader, text)), "accepted") << text;
    EXPECT_NE(reason(token_of(text, kPayload)), "accepted") << text;
  }
}

TEST(JwtParser, RefusesAnyOtherShape) {
  const std::string good = token_of(kHeader, kPayload);
  const std::string input = good.substr(0, good.rfind('.'));
  const std::string header = good.substr(0, good.find('.'));
  const std::string three_parts = "the token must have three parts with dots between them";
  EXPECT_EQ(reason(""), three_parts);
  EXPECT_EQ(reason("."), three_parts);
  EXPECT_EQ(reason(".."), three_parts);
  EXPECT_EQ(reason(header), three_parts);
  EXPECT_EQ(reason(input), three_parts);
  EXPECT_EQ(reason(input + "."), three_parts);
  EXPECT_EQ(reason("." + good), three_parts);
  EXPECT_NE(reason(good + "."), "accepted");
  EXPECT_NE(reason(good + ".x.y"), "accepted");
  for (const std::string& text :
       {good + "=", " " + good, good + " ", good + "\n", header + "=" + good.substr(header.size()),
        input + "." + base64url_encode(std::string(kSignatureBytes - 1, 's')),
        input + "." + base64url_encode(std::string(kSignatureBytes + 1, 's'))}) {
    EXPECT_NE(reason(text), "accepted") << text;
  }
  // The last digit of a signature carries four bits that no byte uses.
  std::string stray = good;
  ASSERT_EQ(stray.back(), 'w');
  stray.back() = 'x';
  EXPECT_EQ(reason(stray), "the token's signature is not base64url without padding");
}

TEST(JwtParser, RefusesWhatIsLargeOrDeep) {
  EXPECT_EQ(reason(std::string(limits::kTokenBytesMax + 1, 'x')), "the token is longer than 4096 bytes");
  EXPECT_NE(reason(std::string(10'000'000, '.')), "accepted");
  const std::string deep = R"({"x":)" + std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_EQ(reason(token_of(kHeader, deep)),
            "the token's payload is not JSON as it should be: nested too deeply");
  std::string wide = "{";
  for (int i = 0; i < 200; ++i) wide += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(reason(token_of(kHeader, wide + "\"x\":0}")),
            "the token's payload is not JSON as it should be: too many members");
}

TEST(JwtTime, IsGoodFromIssueUntilExpiry) {
  const auto at = [](int64_t seconds, int64_t ms = 0) { return WallTime{seconds * 1000 + ms}; };
  EXPECT_FALSE(has_expired(claims(), at(1'700'000'000)));
  EXPECT_FALSE(has_expired(claims(), at(1'700'000'899, 999)));
  EXPECT_TRUE(has_expired(claims(), at(1'700'000'900)));
  EXPECT_TRUE(has_expired(claims(), at(1'700'000'901)));
  EXPECT_FALSE(has_expired(claims(), at(1'699'999'940)));
  EXPECT_FALSE(has_expired(claims(), at(1'699'999'939, 999)));
}

// RFC 8037 appendix A.2 has this key as a JWK.
TEST(Jwks, ShowsTheKeys) {
  const std::string x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  EXPECT_EQ(jwks({}), R"({"keys":[]})");
  EXPECT_EQ(jwks({{"k1", base64url_decode(x).value()}, {"k2", std::string(32, '\0')}}),
            R"({"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"k1","x":")" + x +
                R"("},{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"k2","x":")" +
                std::string(43, 'A') + R"("}]})");
}

RC_GTEST_PROP(JwtProperty, RoundTrip, (const std::string& sub, int64_t iat, int64_t exp)) {
  OpensslCrypto crypto(kSecret);
  const KeyPair key = crypto.make_signing_key();
  // Any bytes at all as a name; what isn't printable is escaped or replaced, and the rest is exact.
  const Claims said = {"c",
                       "u" + base64url_encode(sub).substr(0, 200),
                       "\"\\\x01\xc3\xa9",
                       iat & 0xFFFFFFFFFF,
                       exp & 0xFFFFFFFFFF,
                       "admin"};
  const auto token = std::get<ParsedToken>(parse_token(sign_token(said, "k", key.private_key, crypto)));
  RC_ASSERT(token.claims == said);
  RC_ASSERT(verify_token(token, key.public_key, crypto));
}

}  // namespace
}  // namespace patronus::auth::jwt_test
