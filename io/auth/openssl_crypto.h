// Production's cryptography: OpenSSL 3.
//
// Keys are derived from the cluster secret by HKDF-SHA256 (RFC 5869) with a purpose as info. Wrapped bytes
// are a version (1), a random 96-bit nonce, AES-256-GCM's ciphertext, a 128-bit tag; the version is
// authenticated too. Message authentication codes are HMAC-SHA256 (RFC 2104).
#pragma once

#include <openssl/types.h>

#include <map>
#include <memory>

#include "io/auth/crypto.h"

namespace patronus::auth {

// What is wrong with a cluster secret and what would do, or nothing. For the configuration, at start.
[[nodiscard]] std::optional<std::string> cluster_secret_fault(std::string_view secret);

class OpensslCrypto final : public Crypto {
 public:
  // `cluster_secret` must have passed cluster_secret_fault(). It isn't kept, only keys derived from it are.
  explicit OpensslCrypto(std::string_view cluster_secret);
  ~OpensslCrypto() override;

  [[nodiscard]] std::string random(size_t bytes) override;
  [[nodiscard]] KeyPair make_signing_key() override;
  [[nodiscard]] std::string sign(std::string_view private_key, std::string_view bytes) override;
  [[nodiscard]] bool verify(std::string_view public_key, std::string_view bytes,
                            std::string_view signature) override;
  [[nodiscard]] std::string wrap(std::string_view plain, std::string_view associated) override;
  [[nodiscard]] std::optional<std::string> unwrap(std::string_view wrapped,
                                                  std::string_view associated) override;
  [[nodiscard]] std::string mac(std::string_view label, std::string_view bytes) override;

 private:
  struct FreeMac {
    void operator()(EVP_MAC* mac) const;
  };
  struct FreeCipher {
    void operator()(EVP_CIPHER* cipher) const;
  };

  [[nodiscard]] const std::string& mac_key(std::string_view label);

  std::unique_ptr<EVP_MAC, FreeMac> hmac_;
  std::unique_ptr<EVP_CIPHER, FreeCipher> cipher_;
  std::string root_;                                          // from which the keys of the labels come
  std::string wrap_key_;                                      // 256 bits
  std::map<std::string, std::string, std::less<>> mac_keys_;  // by label
};

}  // namespace patronus::auth
