#include "io/auth/recovery_token.h"

#include "io/json/base64.h"

namespace patronus::auth {

std::string recovery_token(std::string_view cluster_id, Crypto& crypto) {
  return json::base64url_encode(crypto.mac("recovery", cluster_id));
}

std::string founding_token(std::string_view cluster_id, std::string_view node, uint64_t last_term,
                           uint64_t last_index, Crypto& crypto) {
  std::string what(cluster_id);
  what += '|';
  what += node;
  what += '|' + std::to_string(last_term) + '|' + std::to_string(last_index);
  return json::base64url_encode(crypto.mac("founding", what));
}

}  // namespace patronus::auth
