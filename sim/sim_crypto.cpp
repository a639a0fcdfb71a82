#include "sim/sim_crypto.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "io/auth/secret.h"

namespace patronus::sim {
namespace {

constexpr char kVersion = 1;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

// As many bytes as asked for, which any change of key or text changes.
std::string expand(uint64_t key, std::string_view text, size_t bytes) {
  const uint64_t root = hash64(text, key);
  std::string out;
  out.reserve(bytes + 8);
  for (uint64_t block = 0; out.size() < bytes; ++block) {
    const uint64_t word = hash64(text, root + block);
    for (uint32_t shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(word >> shift & 0xFFU));
  }
  out.resize(bytes);
  return out;
}

// Different keys for different purposes.
uint64_t key_for(std::string_view purpose, std::string_view key) { return hash64(key, hash64(purpose)); }

std::string public_of(std::string_view private_key) {
  return expand(key_for("public", ""), private_key, auth::kSigningKeyBytes);
}

// A signature can be checked with the public key alone, and so could be made with it; nobody here tries.
std::string signature_of(std::string_view public_key, std::string_view bytes) {
  return expand(key_for("sign", public_key), bytes, auth::kSignatureBytes);
}

std::string tag_of(uint64_t secret, std::string_view head_and_text, std::string_view associated) {
  return expand(hash64(associated, secret + 1), head_and_text, kTagBytes);
}

std::string masked(uint64_t secret, std::string_view nonce, std::string_view text) {
  std::string out = expand(secret + 2, nonce, text.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ text[i]);
  return out;
}

}  // namespace

SimCrypto::SimCrypto(std::string_view cluster_secret, uint64_t seed)
    : secret_(key_for("cluster", cluster_secret)), random_(seed) {}

std::string SimCrypto::random(size_t bytes) {
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random_.below(256));
  return out;
}

auth::KeyPair SimCrypto::make_signing_key() {
  std::string private_key = random(auth::kSigningKeyBytes);
  return {public_of(private_key), std::move(private_key)};
}

std::string SimCrypto::sign(std::string_view private_key, std::string_view bytes) {
  if (private_key.size() != auth::kSigningKeyBytes) return {};
  return signature_of(public_of(private_key), bytes);
}

bool SimCrypto::verify(std::string_view public_key, std::string_view bytes, std::string_view signature) {
  return public_key.size() == auth::kSigningKeyBytes && signature == signature_of(public_key, bytes);
}

std::string SimCrypto::wrap(std::string_view plain, std::string_view associated) {
  PATRONUS_ASSERT(
      plain.size() <= limits::kWrappedPlainBytesMax && associated.size() <= limits::kWrappedPlainBytesMax,
      "what is wrapped is small");
  const std::string nonce = random(kNonceBytes);
  std::string wrapped = kVersion + nonce + masked(secret_, nonce, plain);
  return wrapped + tag_of(secret_, wrapped, associated);
}

std::optional<std::string> SimCrypto::unwrap(std::string_view wrapped, std::string_view associated) {
  constexpr size_t kFrame = 1 + kNonceBytes + kTagBytes;
  if (wrapped.size() < kFrame || wrapped.size() > kFrame + limits::kWrappedPlainBytesMax ||
      wrapped.front() != kVersion) {
    return std::nullopt;
  }
  const std::string_view sealed = wrapped.substr(0, wrapped.size() - kTagBytes);
  if (!auth::equal_secret(wrapped.substr(sealed.size()), tag_of(secret_, sealed, associated))) {
    return std::nullopt;
  }
  return masked(secret_, sealed.substr(1, kNonceBytes), sealed.substr(1 + kNonceBytes));
}

std::string SimCrypto::mac(std::string_view label, std::string_view bytes) {
  return expand(hash64(label, secret_ + 3), bytes, auth::kMacBytes);
}

}  // namespace patronus::sim
