// The token that lets somebody make the first administrator. It follows from cluster secret and cluster id:
// every node can print and check the same one, and none has to keep it.
#pragma once

#include <string>
#include <string_view>

#include "io/auth/crypto.h"

namespace patronus::auth {

// 24 characters of base64url. `cluster_id` is the id's bytes in one fixed encoding.
[[nodiscard]] std::string setup_token(std::string_view cluster_id, Crypto& crypto);

// In constant time.
[[nodiscard]] bool is_setup_token(std::string_view text, std::string_view cluster_id, Crypto& crypto);

}  // namespace patronus::auth
