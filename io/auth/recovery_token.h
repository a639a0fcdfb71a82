// What lets somebody take a lost cluster on: with the majority gone there is nobody who could vouch for a
// user, so it follows from the cluster secret, which the operator has.
#pragma once

#include <string>
#include <string_view>

#include "io/auth/crypto.h"

namespace patronus::auth {

// Of the cluster with this id, in hex digits.
[[nodiscard]] std::string recovery_token(std::string_view cluster_id, Crypto& crypto);

}  // namespace patronus::auth
