// HMAC-SHA256 (RFC 2104) under keys that are given, for those who have many of them or no cluster secret.
#pragma once

#include <openssl/types.h>

#include <array>
#include <memory>
#include <string_view>

namespace patronus::auth {

inline constexpr size_t kHmacBytes = 32;

// Used by one thread at a time; keeps no key for longer than a call.
class HmacSha256 {
 public:
  HmacSha256();

  // The code of the two put together; the key has any size but none. Compare it with equal_secret().
  [[nodiscard]] std::array<char, kHmacBytes> code(std::string_view key, std::string_view first,
                                                  std::string_view second);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

}  // namespace patronus::auth
