// A restore that a node does by itself at its start (PATRONUS_RESTORE) is done once: the node claims it at
// the target first. Otherwise a node that loses its disk later, with the setting still there, would found a
// second cluster from the old backup instead of joining the first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/types.h"
#include "io/backup/objects.h"

namespace patronus::backup {

struct Claim {
  ClusterId cluster;  // that is founded
  NodeId node;        // by whom

  friend bool operator==(const Claim&, const Claim&) = default;
};

// Of this cluster's backup as of `what`: latest, or a time. Nothing: nobody has claimed it.
[[nodiscard]] std::variant<std::optional<Claim>, std::string> read_claim(Objects& objects,
                                                                         const ClusterId& lost,
                                                                         std::string_view what,
                                                                         const std::string& scratch);
[[nodiscard]] std::optional<std::string> write_claim(Objects& objects, const ClusterId& lost,
                                                     std::string_view what, const Claim& claim,
                                                     const std::string& scratch);
[[nodiscard]] std::optional<std::string> remove_claim(Objects& objects, const ClusterId& lost,
                                                      std::string_view what);

}  // namespace patronus::backup
