#include "io/auth/secret.h"

#include <openssl/crypto.h>

namespace patronus::auth {

bool equal_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  secret.resize(secret.capacity());  // never allocates
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace patronus::auth
