// Where a log or a state begins: everything up to one entry, in the few words that what comes after needs.
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/base/types.h"
#include "core/raft/configuration.h"
#include "core/raft/entry.h"

namespace patronus {

// The last entry that is part of the whole, and the configuration in force there with its own place. All
// zero: nothing has happened yet.
struct Base {
  Index index;
  Term term;
  Stamp stamp;
  Index configuration_index;
  std::optional<Configuration> configuration;

  friend bool operator==(const Base&, const Base&) = default;
};

void encode(Writer& out, const Base& base);
// Refuses through the reader what can't be: a configuration that comes later than the base, numbers beyond
// their bounds.
[[nodiscard]] Base decode_base(Reader& in);

}  // namespace patronus
