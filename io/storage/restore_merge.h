// A state put together again from what two backups hold of it: the dashboard's database, second by second,
// and a state artefact, now and then.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "core/effect.h"
#include "core/state/rows.h"

namespace patronus {

using StateRows = std::vector<std::pair<std::string, std::string>>;  // in ascending order of their keys

// A whole state, as an artefact holds it.
struct StateContent {
  CheckpointEnd end;
  StateRows rows;
};

// What the database holds of a state: the rows that are projected (core/state/rows.h), as they were after one
// entry.
struct DatabaseContent {
  ClusterId cluster;
  Index index;
  Term term;
  Stamp stamp;
  StateRows rows;
};

// The state as of the database's entry: its rows, and the artefact's of all other kinds, which may be older.
// Sessions are left out. Without an artefact (nothing) the state is of the database's rows alone, and its
// configuration that of `founder`. Refused with a reason: an artefact of another cluster or of a later entry,
// rows that can't be together.
[[nodiscard]] std::variant<StateContent, std::string> merge_states(DatabaseContent&& database,
                                                                   std::optional<StateContent>&& artefact,
                                                                   const NodeId& founder,
                                                                   Incarnation incarnation);

}  // namespace patronus
