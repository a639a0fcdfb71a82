// What lets somebody take a lost cluster on: with the majority gone there is nobody who could vouch for a
// user, so it follows from the cluster secret, which the operator has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/auth/crypto.h"

namespace patronus::auth {

// To look at what is left of the cluster with this id, in hex digits.
[[nodiscard]] std::string recovery_token(std::string_view cluster_id, Crypto& crypto);
// To have this node go on from just this end of its log: whoever saw it can do nothing else with it.
[[nodiscard]] std::string founding_token(std::string_view cluster_id, std::string_view node,
                                         uint64_t last_term, uint64_t last_index, Crypto& crypto);

}  // namespace patronus::auth
