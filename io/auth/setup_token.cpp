#include "io/auth/setup_token.h"

#include "io/auth/secret.h"
#include "io/json/base64.h"

namespace patronus::auth {

std::string setup_token(std::string_view cluster_id, Crypto& crypto) {
  constexpr size_t kBytes = 18;  // 144 bits, and no character more than they need
  return json::base64url_encode(crypto.mac("setup", cluster_id).substr(0, kBytes));
}

bool is_setup_token(std::string_view text, std::string_view cluster_id, Crypto& crypto) {
  return equal_secret(text, setup_token(cluster_id, crypto));
}

}  // namespace patronus::auth
