// What both cryptographies promise, each held to the same tests; and OpenSSL's against vectors from
// elsewhere.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <openssl/err.h>

#include <memory>
#include <set>
#include <string>

#include "core/base/limits.h"
#include "io/auth/openssl_crypto.h"
#include "io/auth/secret.h"
#include "io/json/base64.h"
#include "sim/sim_crypto.h"

namespace patronus::auth::auth_crypto_test {
namespace {

constexpr std::string_view kSecret = "a cluster secret of enough bytes";
constexpr std::string_view kOtherSecret = "A cluster secret of enough bytes";

template <typename T>
std::unique_ptr<Crypto> make(std::string_view secret) {
  if constexpr (std::is_same_v<T, sim::SimCrypto>) {
    return std::make_unique<sim::SimCrypto>(secret, 1);
  } else {
    return std::make_unique<OpensslCrypto>(secret);
  }
}

// Each text that differs from `bytes` by one flipped bit, one byte fewer or one more.
std::vector<std::string> changes(std::string_view bytes) {
  std::vector<std::string> all;
  for (size_t i = 0; i < bytes.size(); ++i) {
    all.emplace_back(bytes).at(i) ^= static_cast<char>(1 << (i % 8));
  }
  all.push_back(std::string(bytes) + '\0');
  if (!bytes.empty()) {
    all.emplace_back(bytes.substr(1));
    all.emplace_back(bytes.substr(0, bytes.size() - 1));
  }
  return all;
}

template <typename T>
class CryptoTest : public ::testing::Test {
 protected:
  const std::unique_ptr<Crypto> crypto = make<T>(kSecret);
  const std::unique_ptr<Crypto> same_cluster = make<T>(kSecret);
  const std::unique_ptr<Crypto> other_cluster = make<T>(kOtherSecret);
};

using Implementations = ::testing::Types<OpensslCrypto, sim::SimCrypto>;
TYPED_TEST_SUITE(CryptoTest, Implementations);

TYPED_TEST(CryptoTest, DrawsWhatWasNotDrawnBefore) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string drawn = this->crypto->random(16);
    EXPECT_EQ(drawn.size(), 16U);
    EXPECT_TRUE(seen.insert(drawn).second);
  }
  EXPECT_EQ(this->crypto->random(0), "");
}

TYPED_TEST(CryptoTest, VerifiesWhatWasSignedAndNothingElse) {
  const KeyPair key = this->crypto->make_signing_key();
  ASSERT_EQ(key.public_key.size(), kSigningKeyBytes);
  ASSERT_EQ(key.private_key.size(), kSigningKeyBytes);
  const std::string text = "what is signed";
  const std::string signature = this->crypto->sign(key.private_key, text);
  ASSERT_EQ(signature.size(), kSignatureBytes);
  EXPECT_TRUE(this->other_cluster->verify(key.public_key, text, signature));
  for (const std::string& wrong : changes(text)) {
    EXPECT_FALSE(this->crypto->verify(key.public_key, wrong, signature));
  }
  for (const std::string& wrong : changes(signature)) {
    EXPECT_FALSE(this->crypto->verify(key.public_key, text, wrong));
  }
  for (const std::string& wrong : changes(key.public_key)) {
    EXPECT_FALSE(this->crypto->verify(wrong, text, signature));
  }
  const KeyPair other = this->crypto->make_signing_key();
  EXPECT_NE(other.private_key, key.private_key);
  EXPECT_FALSE(this->crypto->verify(other.public_key, text, signature));
  EXPECT_FALSE(this->crypto->verify("", "", ""));
  EXPECT_TRUE(this->crypto->verify(key.public_key, "", this->crypto->sign(key.private_key, "")));
}

TYPED_TEST(CryptoTest, SignsNothingWithWhatIsNoKey) {
  EXPECT_EQ(this->crypto->sign("", "text"), "");
  EXPECT_EQ(this->crypto->sign(std::string(31, 'k'), "text"), "");
  EXPECT_EQ(this->crypto->sign(std::string(64, 'k'), "text"), "");
}

TYPED_TEST(CryptoTest, AnyNodeUnwrapsWhatAnotherWrapped) {
  for (const std::string& plain : {std::string(), std::string("a key"), std::string(1000, '\0'),
                                   std::string(limits::kWrappedPlainBytesMax, 'x')}) {
    for (const char* associated : {"", "where it belongs"}) {
      const std::string wrapped = this->crypto->wrap(plain, associated);
      EXPECT_EQ(this->same_cluster->unwrap(wrapped, associated), plain);
      EXPECT_EQ(this->other_cluster->unwrap(wrapped, associated), std::nullopt);
    }
  }
}

TYPED_TEST(CryptoTest, NoticesAnyChangeOfWhatIsWrapped) {
  const std::string wrapped = this->crypto->wrap("a signing key", "key k1");
  for (const std::string& wrong : changes(wrapped)) {
    EXPECT_EQ(this->crypto->unwrap(wrong, "key k1"), std::nullopt);
  }
  for (const std::string& wrong : changes("key k1")) {
    EXPECT_EQ(this->crypto->unwrap(wrapped, wrong), std::nullopt);
  }
  for (size_t length = 0; length < wrapped.size(); ++length) {
    EXPECT_EQ(this->crypto->unwrap(wrapped.substr(0, length), "key k1"), std::nullopt);
  }
  EXPECT_EQ(this->crypto->unwrap(std::string(1'000'000, '\1'), "key k1"), std::nullopt);
}

TYPED_TEST(CryptoTest, WrapsTheSameAnewEachTime) {
  EXPECT_NE(this->crypto->wrap("a key", ""), this->crypto->wrap("a key", ""));
  EXPECT_EQ(this->crypto->wrap("a key", "").find("a key"), std::string::npos);
}

TYPED_TEST(CryptoTest, CodesDependOnSecretLabelAndText) {
  const std::string code = this->crypto->mac("refresh", "text");
  EXPECT_EQ(code.size(), kMacBytes);
  EXPECT_EQ(this->same_cluster->mac("refresh", "text"), code);
  EXPECT_NE(this->other_cluster->mac("refresh", "text"), code);
  for (const std::string& other : changes("text")) EXPECT_NE(this->crypto->mac("refresh", other), code);
  for (const std::string& other : changes("refresh")) EXPECT_NE(this->crypto->mac(other, "text"), code);
  EXPECT_NE(this->crypto->mac("refresht", "ext"), code);
}

TYPED_TEST(CryptoTest, KeepsNoMoreKeysThanItMay) {
  const std::string code = this->crypto->mac("label 0", "text");
  for (size_t i = 0; i < limits::kMacLabelsMax * 3; ++i) {
    EXPECT_EQ(this->crypto->mac("label " + std::to_string(i), "text").size(), kMacBytes);
  }
  EXPECT_EQ(this->crypto->mac("label 0", "text"), code);
}

TEST(SimCrypto, IsDecidedByItsSeed) {
  sim::SimCrypto a(kSecret, 7);
  sim::SimCrypto b(kSecret, 7);
  sim::SimCrypto c(kSecret, 8);
  EXPECT_EQ(a.wrap("key", ""), b.wrap("key", ""));
  const KeyPair key = a.make_signing_key();
  EXPECT_EQ(key.private_key, b.make_signing_key().private_key);
  EXPECT_NE(key.private_key, c.make_signing_key().private_key);
}

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string counted_secret() {
  std::string secret;
  for (char c = 0; c < 32; ++c) secret.push_back(c);
  return secret;
}

// RFC 8037 appendix A.1, A.2 and A.4.
TEST(OpensslCrypto, SignsAsRfc8037Shows) {
  OpensslCrypto crypto(kSecret);
  const std::string private_key =
      json::base64url_decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").value();
  const std::string public_key =
      json::base64url_decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").value();
  const std::string input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  const std::string signature = crypto.sign(private_key, input);
  EXPECT_EQ(json::base64url_encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  EXPECT_TRUE(crypto.verify(public_key, input, signature));
}

// Made with another program's HKDF and HMAC: the derivation may never change, or running clusters lose what
// they have.
TEST(OpensslCrypto, DerivesKeysAsDocumented) {
  OpensslCrypto crypto(counted_secret());
  EXPECT_EQ(crypto.mac("refresh", "hello"),
            unhex("68d77e3e94b2b3a74ca4f1a7525b600026170e589e3787b0e9c1c709ee9c1089"));
}

TEST(OpensslCrypto, UnwrapsWhatAnotherProgramWrapped) {
  OpensslCrypto crypto(counted_secret());
  EXPECT_EQ(crypto.unwrap(
                unhex("016465666768696a6b6c6d6e6fe857ebb71c6ff163d690d762df86eb2983b35d58673dc8e19e3ca284f0"),
                "key k1"),
            "a signing key");
}

// TLS on the same thread asks the queue what became of its own calls.
TEST(OpensslCrypto, LeavesNoErrorsForOthers) {
  OpensslCrypto crypto(kSecret);
  const KeyPair key = crypto.make_signing_key();
  ERR_clear_error();
  EXPECT_FALSE(crypto.verify(key.public_key, "text", std::string(kSignatureBytes, '\xff')));
  EXPECT_FALSE(
      crypto.verify(std::string(kSigningKeyBytes, '\xff'), "text", std::string(kSignatureBytes, '\1')));
  EXPECT_EQ(crypto.unwrap("\1" + std::string(60, 'x'), ""), std::nullopt);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(ClusterSecret, IsRefusedWithWhatWouldDo) {
  EXPECT_EQ(cluster_secret_fault(kSecret), std::nullopt);
  EXPECT_EQ(cluster_secret_fault(std::string(limits::kClusterSecretBytesMax, 'x')), std::nullopt);
  EXPECT_EQ(cluster_secret_fault("short"),
            "the cluster secret has 5 bytes; it must have from 32 to 128, and be the same on every node");
  EXPECT_TRUE(cluster_secret_fault(std::string(limits::kClusterSecretBytesMax + 1, 'x')));
}

TEST(Secret, IsComparedWhole) {
  EXPECT_TRUE(equal_secret("", ""));
  EXPECT_TRUE(equal_secret("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "bbc", "abcd", "ABC"}) EXPECT_FALSE(equal_secret("abc", other));
}

// All that the string's buffer holds. Growing the string to look would overwrite it.
std::string buffer_of(const std::string& text) {
  const char* const begin = text.data();
  return std::string(begin, begin + text.capacity());
}

TEST(Secret, IsWipedBeyondItsEnd) {
  for (const size_t length : {10U, 500U}) {
    std::string secret(length, 's');
    secret.resize(2);
    ASSERT_NE(buffer_of(secret).find("sss"), std::string::npos);
    wipe(secret);
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(buffer_of(secret).find('s'), std::string::npos);
  }
}

RC_GTEST_PROP(SimCryptoProperty, UnwrapsOnlyWithTheSameContext,
              (const std::string& plain, const std::string& associated, const std::string& other)) {
  sim::SimCrypto crypto(kSecret, 3);
  RC_PRE(plain.size() <= limits::kWrappedPlainBytesMax);
  const std::string wrapped = crypto.wrap(plain, associated);
  RC_ASSERT(crypto.unwrap(wrapped, associated) == plain);
  if (other != associated) RC_ASSERT(crypto.unwrap(wrapped, other) == std::nullopt);
}

}  // namespace
}  // namespace patronus::auth::auth_crypto_test
