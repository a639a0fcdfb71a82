// From when to when a certificate holds.
#pragma once

#include <optional>
#include <string>

#include "io/patronusctl/authority.h"
#include "io/tls/issue.h"

namespace patronus::ctl {

// Nothing if the options make no sense; `error` then says why.
[[nodiscard]] std::optional<tls::Validity> validity_of(const Lifetime& lifetime, int64_t now,
                                                       std::string& error);

}  // namespace patronus::ctl
