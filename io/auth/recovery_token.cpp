#include "io/auth/recovery_token.h"

#include "io/json/base64.h"

namespace patronus::auth {

std::string recovery_token(std::string_view cluster_id, Crypto& crypto) {
  return json::base64url_encode(crypto.mac("recovery", cluster_id));
}

}  // namespace patronus::auth
