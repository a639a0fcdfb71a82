// How secrets are compared and forgotten.
#pragma once

#include <string>
#include <string_view>

namespace patronus::auth {

// Whether both are equal, in a time that depends on their lengths alone. Lengths are no secret: all that is
// compared with this has a fixed one.
[[nodiscard]] bool equal_secret(std::string_view a, std::string_view b);

// Overwrites all that the string's buffer holds, beyond its end too (a moved-from string still has its short
// content there), and leaves it empty.
void wipe(std::string& secret);

}  // namespace patronus::auth
