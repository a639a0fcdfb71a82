// Which passwords may be chosen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace patronus::auth {

// What is wrong with `password` for the user of this email address, and what would do; nothing when it may be
// chosen. A password is the bytes as given: they are not normalised, trimmed or folded, neither here nor when
// they are hashed, so the same characters typed as other code points are another password. There are no rules
// on kinds of characters: length is what counts (NIST SP 800-63B section 5.1.1.2).
[[nodiscard]] std::optional<std::string> password_fault(std::string_view password, std::string_view email);

}  // namespace patronus::auth
