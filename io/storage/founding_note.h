// A note in a data directory that its node shall go on alone, as a new cluster, from what is there. It stays
// until the log says that this has come true.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/base/types.h"

namespace patronus {

// `cluster` is the new one. Durable when it returns; nothing on success.
[[nodiscard]] std::optional<std::string> write_founding_note(const std::string& directory,
                                                             const ClusterId& cluster);
// Nothing if there is none. The error is one line for the operator.
[[nodiscard]] std::variant<std::optional<ClusterId>, std::string> read_founding_note(
    const std::string& directory);
[[nodiscard]] std::optional<std::string> remove_founding_note(const std::string& directory);

}  // namespace patronus
