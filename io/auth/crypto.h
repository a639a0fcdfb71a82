// What accounts and sessions need of cryptography, as a port: production gives OpenSSL's (openssl_crypto.h),
// the simulator a fast one that a seed decides (sim/sim_crypto.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::auth {

inline constexpr size_t kSigningKeyBytes = 32;  // public and private alike, RFC 8032 section 5.1.5
inline constexpr size_t kSignatureBytes = 64;
inline constexpr size_t kMacBytes = 32;

struct KeyPair {
  std::string public_key;
  std::string private_key;
};

// Used by one thread at a time. All nodes of a cluster have the same cluster secret, so what one wraps or
// authenticates any other unwraps or checks.
class Crypto {
 public:
  Crypto() = default;
  virtual ~Crypto() = default;
  Crypto(const Crypto&) = delete;
  Crypto& operator=(const Crypto&) = delete;

  // Bytes that nobody can foretell.
  [[nodiscard]] virtual std::string random(size_t bytes) = 0;

  // A fresh Ed25519 key (RFC 8032).
  [[nodiscard]] virtual KeyPair make_signing_key() = 0;

  // The signature, kSignatureBytes long; empty when `private_key` is no key.
  [[nodiscard]] virtual std::string sign(std::string_view private_key, std::string_view bytes) = 0;

  // False for a wrong signature and for a key or signature of a wrong form alike.
  [[nodiscard]] virtual bool verify(std::string_view public_key, std::string_view bytes,
                                    std::string_view signature) = 0;

  // Encrypts and authenticates up to limits::kWrappedPlainBytesMax bytes under a key derived from the cluster
  // secret. `associated` is authenticated but not kept: unwrapping needs the same again, so what was wrapped
  // for one place can't be moved to another.
  [[nodiscard]] virtual std::string wrap(std::string_view plain, std::string_view associated) = 0;

  // Nothing when any byte of the two is not what it was, or the cluster secret is another.
  [[nodiscard]] virtual std::optional<std::string> unwrap(std::string_view wrapped,
                                                          std::string_view associated) = 0;

  // A message authentication code, kMacBytes long, under a key derived from the cluster secret and `label`:
  // codes for one purpose say nothing of another's. Compare it with equal_secret().
  [[nodiscard]] virtual std::string mac(std::string_view label, std::string_view bytes) = 0;
};

}  // namespace patronus::auth
