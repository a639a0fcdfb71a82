// From when to when a certificate holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/patronusctl/authority.h"
#include "io/tls/issue.h"

namespace patronus::ctl {

inline constexpr int64_t kDay = int64_t{24} * 60 * 60;  // seconds

// Nothing if the options make no sense; `error` then says why.
[[nodiscard]] std::optional<tls::Validity> validity_of(const Lifetime& lifetime, int64_t now,
                                                       std::string& error);

}  // namespace patronus::ctl
