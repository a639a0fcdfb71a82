// A node's data directory as a whole, from whatever is there to what the node begins with: its log, and its
// state out of image and log. One that can't be trusted is set aside, where there are others who can fill an
// empty one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "io/storage/load_state.h"
#include "io/storage/log_directory.h"
#include "io/storage/rebuild.h"

namespace patronus {

struct OpenedData {
  LogDirectory directory;
  LoadedState state;
  std::optional<RebuildNote> rebuild;    // it waits to be filled
  std::optional<ClusterId> founds_anew;  // from what is there, alone
  bool state_refused = false;            // what had arrived from another node was of no use
};

struct OpenData {
  std::string path;
  size_t map_bytes = 0;
  bool has_peers = false;                    // others can give it back what it loses
  std::function<Incarnation()> incarnation;  // of a new directory
  LoadProgress progress;
  // Lines for the operator: what was found, and what was done about it.
  std::function<void(const std::string& line)> say;
};

// The error is one line for the operator: who else uses the directory, what is damaged, what would do.
[[nodiscard]] std::variant<OpenedData, std::string> open_data(const OpenData& how);

}  // namespace patronus
