// The key by which a site's responder and the nodes know each other. It is derived from the cluster's secret
// and kept nowhere but with the responder: it can be had again at any time, and a new generation is another
// key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/state/tables.h"
#include "io/auth/crypto.h"

namespace patronus::sdwan {

// 32 bytes; wipe it after use where it is not kept.
[[nodiscard]] std::string probe_key(std::string_view site, uint32_t generation, auth::Crypto& crypto);

// {"site","key_generation","key"}, the key in base64url: what GET /sites/{id}/probe-key answers, to
// administrators.
[[nodiscard]] std::string probe_key_answer(const Site& site, auth::Crypto& crypto);

// From a file: the key in base64url, or an object as above, which must then be of that site. Nothing: it is
// neither.
[[nodiscard]] std::optional<std::string> read_probe_key(std::string_view text, std::string_view site);

}  // namespace patronus::sdwan
