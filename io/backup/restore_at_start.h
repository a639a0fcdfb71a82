// PATRONUS_RESTORE: a node that starts with nothing brings a lost cluster back before it does anything else.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "io/config/config.h"

namespace patronus::backup {

// Has patronusctl, which lies beside this program or is found in PATH, restore into the data directory if
// that is empty and this node is the one that does it; `say` is told what happens, a line each. Nothing: the
// node may start. Else one line that says why it must not. To be called before the process has threads.
[[nodiscard]] std::optional<std::string> restore_at_start(const Config& config,
                                                          const std::function<void(const std::string&)>& say);

}  // namespace patronus::backup
