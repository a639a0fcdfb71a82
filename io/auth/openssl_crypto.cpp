#include "io/auth/openssl_crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "io/auth/secret.h"

namespace patronus::auth {
namespace {

constexpr char kVersion = 1;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kDerivedBytes = 32;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

template <typename T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* in(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// OpenSSL fails on sound arguments only for want of memory, of chance or of an algorithm that was built in.
// There is no way to go on without secrets.
void must(bool holds) { PATRONUS_ASSERT(holds, "OpenSSL does what it is asked"); }

// Takes away what a refused input may have left in the thread's error queue: TLS reads that queue too, to
// tell what became of its own calls.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

// One half of HKDF (RFC 5869) with SHA-256: extracting takes no info, expanding no salt.
std::string hkdf(int mode, std::string_view key, std::string_view info) {
  const Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
  must(context != nullptr);
  std::string digest = "SHA256";
  std::string key_copy(key);
  std::string info_copy(info);
  std::array<OSSL_PARAM, 5> parameters{};
  size_t count = 0;
  parameters.at(count++) = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0);
  parameters.at(count++) = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
  parameters.at(count++) = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_copy.data(), key.size());
  if (!info.empty()) {
    parameters.at(count++) =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_copy.data(), info.size());
  }
  parameters.at(count) = OSSL_PARAM_construct_end();
  std::string derived(kDerivedBytes, '\0');
  const int done = EVP_KDF_derive(context.get(), out(derived), derived.size(), parameters.data());
  wipe(key_copy);
  must(done == 1);
  return derived;
}

}  // namespace

std::optional<std::string> cluster_secret_fault(std::string_view secret) {
  if (secret.size() >= limits::kClusterSecretBytesMin && secret.size() <= limits::kClusterSecretBytesMax) {
    return std::nullopt;
  }
  return "the cluster secret has " + std::to_string(secret.size()) + " bytes; it must have from " +
         std::to_string(limits::kClusterSecretBytesMin) + " to " +
         std::to_string(limits::kClusterSecretBytesMax) + ", and be the same on every node";
}

void OpensslCrypto::FreeMac::operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
void OpensslCrypto::FreeCipher::operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }

OpensslCrypto::OpensslCrypto(std::string_view cluster_secret)
    : hmac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)) {
  must(hmac_ != nullptr && cipher_ != nullptr);
  PATRONUS_ASSERT(!cluster_secret_fault(cluster_secret), "the configuration checked the cluster secret");
  root_ = hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, cluster_secret, "");
  wrap_key_ = hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, root_, "patronus wrap 1");
}

OpensslCrypto::~OpensslCrypto() {
  wipe(root_);
  wipe(wrap_key_);
  for (auto& [label, key] : mac_keys_) wipe(key);
}

std::string OpensslCrypto::random(size_t bytes) {
  std::string drawn(bytes, '\0');
  must(RAND_bytes_ex(nullptr, out(drawn), bytes, 0) == 1);
  return drawn;
}

KeyPair OpensslCrypto::make_signing_key() {
  const Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  KeyPair pair{std::string(kSigningKeyBytes, '\0'), std::string(kSigningKeyBytes, '\0')};
  size_t public_bytes = kSigningKeyBytes;
  size_t private_bytes = kSigningKeyBytes;
  must(key != nullptr && EVP_PKEY_get_raw_public_key(key.get(), out(pair.public_key), &public_bytes) == 1 &&
       EVP_PKEY_get_raw_private_key(key.get(), out(pair.private_key), &private_bytes) == 1 &&
       public_bytes == kSigningKeyBytes && private_bytes == kSigningKeyBytes);
  return pair;
}

std::string OpensslCrypto::sign(std::string_view private_key, std::string_view bytes) {
  if (private_key.size() != kSigningKeyBytes) return {};
  const Owned<EVP_PKEY> key(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, in(private_key), private_key.size()));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t signature_bytes = kSignatureBytes;
  must(key != nullptr && context != nullptr &&
       EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) == 1 &&
       EVP_DigestSign(context.get(), out(signature), &signature_bytes, in(bytes), bytes.size()) == 1 &&
       signature_bytes == kSignatureBytes);
  return signature;
}

bool OpensslCrypto::verify(std::string_view public_key, std::string_view bytes, std::string_view signature) {
  if (public_key.size() != kSigningKeyBytes || signature.size() != kSignatureBytes) return false;
  const QuietErrors quiet;
  const Owned<EVP_PKEY> key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, in(public_key), public_key.size()));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  must(context != nullptr);
  return key != nullptr &&
         EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) ==
             1 &&
         EVP_DigestVerify(context.get(), in(signature), signature.size(), in(bytes), bytes.size()) == 1;
}

std::string OpensslCrypto::wrap(std::string_view plain, std::string_view associated) {
  PATRONUS_ASSERT(
      plain.size() <= limits::kWrappedPlainBytesMax && associated.size() <= limits::kWrappedPlainBytesMax,
      "what is wrapped is small");
  std::string wrapped(1, kVersion);
  wrapped += random(kNonceBytes);
  wrapped.resize(1 + kNonceBytes + plain.size() + kTagBytes);
  unsigned char* const nonce = out(wrapped) + 1;
  unsigned char* const text = nonce + kNonceBytes;
  const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  int taken = 0;
  must(context != nullptr &&
       EVP_EncryptInit_ex2(context.get(), cipher_.get(), in(wrap_key_), nonce, nullptr) == 1 &&
       EVP_EncryptUpdate(context.get(), nullptr, &taken, in(wrapped), 1) == 1 &&
       EVP_EncryptUpdate(context.get(), nullptr, &taken, in(associated),
                         static_cast<int>(associated.size())) == 1 &&
       EVP_EncryptUpdate(context.get(), text, &taken, in(plain), static_cast<int>(plain.size())) == 1 &&
       EVP_EncryptFinal_ex(context.get(), text + plain.size(), &taken) == 1 &&
       EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, text + plain.size()) == 1);
  return wrapped;
}

std::optional<std::string> OpensslCrypto::unwrap(std::string_view wrapped, std::string_view associated) {
  constexpr size_t kFrame = 1 + kNonceBytes + kTagBytes;
  if (wrapped.size() < kFrame || wrapped.size() > kFrame + limits::kWrappedPlainBytesMax ||
      associated.size() > limits::kWrappedPlainBytesMax || wrapped.front() != kVersion) {
    return std::nullopt;
  }
  const QuietErrors quiet;
  const std::string_view text = wrapped.substr(1 + kNonceBytes, wrapped.size() - kFrame);
  std::string tag(wrapped.substr(wrapped.size() - kTagBytes));
  // One byte more than needed, so that there is a place to point at when nothing was wrapped.
  std::string plain(text.size() + 1, '\0');
  const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  int taken = 0;
  must(context != nullptr &&
       EVP_DecryptInit_ex2(context.get(), cipher_.get(), in(wrap_key_), in(wrapped) + 1, nullptr) == 1 &&
       EVP_DecryptUpdate(context.get(), nullptr, &taken, in(wrapped), 1) == 1 &&
       EVP_DecryptUpdate(context.get(), nullptr, &taken, in(associated),
                         static_cast<int>(associated.size())) == 1 &&
       EVP_DecryptUpdate(context.get(), out(plain), &taken, in(text), static_cast<int>(text.size())) == 1 &&
       EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, out(tag)) == 1);
  if (EVP_DecryptFinal_ex(context.get(), out(plain) + text.size(), &taken) != 1) {
    wipe(plain);
    return std::nullopt;
  }
  plain.resize(text.size());
  return plain;
}

std::string OpensslCrypto::mac(std::string_view label, std::string_view bytes) {
  const std::string& key = mac_key(label);
  const Owned<EVP_MAC_CTX> context(EVP_MAC_CTX_new(hmac_.get()));
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  std::string code(kMacBytes, '\0');
  size_t code_bytes = 0;
  must(context != nullptr && EVP_MAC_init(context.get(), in(key), key.size(), parameters.data()) == 1 &&
       EVP_MAC_update(context.get(), in(bytes), bytes.size()) == 1 &&
       EVP_MAC_final(context.get(), out(code), &code_bytes, code.size()) == 1 && code_bytes == kMacBytes);
  return code;
}

const std::string& OpensslCrypto::mac_key(std::string_view label) {
  const auto known = mac_keys_.find(label);
  if (known != mac_keys_.end()) return known->second;
  if (mac_keys_.size() >= limits::kMacLabelsMax) {
    for (auto& [old_label, key] : mac_keys_) wipe(key);
    mac_keys_.clear();  // labels are few and written in the code; who has many only pays for deriving again
  }
  std::string key = hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, root_, "patronus mac " + std::string(label));
  return mac_keys_.emplace(label, std::move(key)).first->second;
}

}  // namespace patronus::auth
